import { describe, expect, test } from 'vitest';
import { windowOf } from './use-window.ts';

describe('the window of a grid', () => {
  test('holds a screen and little more, whatever the number of pictures', () => {
    const view = windowOf({ count: 100_000, width: 1_000, top: 1_000_000, screen: 900 });
    expect(view.columns).toBe(5);
    expect(view.end - view.first).toBeLessThanOrEqual(70);
    expect(view.first % view.columns).toBe(0);
    expect(view.height).toBeGreaterThan(3_900_000);
  });

  test('ends with the pictures', () => {
    expect(windowOf({ count: 7, width: 400, top: 0, screen: 900 })).toMatchObject({ columns: 2, first: 0, end: 7 });
    expect(windowOf({ count: 0, width: 400, top: 0, screen: 900 })).toMatchObject({ first: 0, end: 0, height: 0 });
    expect(windowOf({ count: 7, width: 400, top: 50_000, screen: 900 })).toMatchObject({ first: 7, end: 7 });
  });
});
