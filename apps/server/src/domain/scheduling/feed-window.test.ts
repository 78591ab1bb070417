import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adjustWindow, feedWindow } from './feed-window.ts';

describe('the window of jobs that lie ready', () => {
  it('doubles while workers take all of it before the next look, up to its bound', () => {
    let window = feedWindow(2, 16);
    for (let look = 0; look < 10; look += 1) window = adjustWindow(window, { found: 0, isMoreQueued: true });
    expect(window.size).toBe(16);
  });

  it('stays as it is when nothing waits behind it', () => {
    expect(adjustWindow(feedWindow(2, 16), { found: 0, isMoreQueued: false }).size).toBe(2);
  });

  it('shrinks step by step when most of it is left lying', () => {
    let window = { size: 16, least: 2, most: 16 };
    for (let look = 0; look < 20; look += 1) window = adjustWindow(window, { found: window.size, isMoreQueued: true });
    expect(window.size).toBe(2);
  });

  it('keeps between its bounds whatever it sees', () => {
    const looks = fc.array(fc.record({ found: fc.nat(600), isMoreQueued: fc.boolean() }));
    fc.assert(
      fc.property(looks, (all) => {
        const { size } = all.reduce(adjustWindow, feedWindow());
        expect(size).toBeGreaterThanOrEqual(2);
        expect(size).toBeLessThanOrEqual(512);
      }),
    );
  });
});
