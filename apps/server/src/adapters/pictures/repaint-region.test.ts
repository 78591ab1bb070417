import { describe, expect, test } from 'vitest';
import { boundsOf, drawnRegion } from './repaint-region.ts';

describe('the region that is drawn for a mask', () => {
  test('holds all that is white and nothing more', () => {
    const mask = new Uint8Array(8 * 6);
    mask[2 * 8 + 3] = 1;
    mask[4 * 8 + 5] = 255;
    expect(boundsOf(mask, { width: 8, height: 6 })).toEqual({ left: 3, top: 2, width: 3, height: 3 });
    expect(boundsOf(new Uint8Array(8), { width: 4, height: 2 })).toBeUndefined();
  });

  const whole = { width: 200, height: 100 };
  test.each([
    ['grows to the proportions of the picture', { left: 90, top: 40, width: 20, height: 20 }, 0, 2, [80, 40, 40, 20]],
    ['has a margin', { left: 90, top: 40, width: 20, height: 20 }, 10, 1, [80, 30, 40, 40]],
    ['is moved inside at an edge', { left: 0, top: 0, width: 10, height: 10 }, 5, 2, [0, 0, 40, 20]],
    ['ends with the whole', { left: 0, top: 0, width: 200, height: 100 }, 30, 1, [0, 0, 200, 100]],
  ] as const)('%s', (_, found, padding, ratio, [left, top, width, height]) => {
    const drawn = { width: 64 * ratio, height: 64 };
    expect(drawnRegion(found, padding, drawn, whole)).toEqual({ left, top, width, height });
  });
});
