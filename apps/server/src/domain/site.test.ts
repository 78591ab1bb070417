import { describe, expect, it } from 'vitest';
import { standbyBehindMs, whyFenced } from './site.ts';

describe('the right of a site to write', () => {
  it('is anybody’s while no site is on record', () => {
    const nobody = { name: undefined, leaseUntil: undefined };
    expect(whyFenced(nobody, undefined, 1)).toBeUndefined();
    expect(whyFenced(nobody, 'north', 1)).toBeUndefined();
  });

  it('is that of the site on record alone', () => {
    const north = { name: 'north', leaseUntil: undefined };
    expect(whyFenced(north, 'north', 1)).toBeUndefined();
    expect(whyFenced(north, 'south', 1)).toMatch(/belong to the site north; the site south/);
    expect(whyFenced(north, undefined, 1)).toMatch(/names no site/);
  });

  it('ends with its lease', () => {
    const north = { name: 'north', leaseUntil: 1_000 };
    expect(whyFenced(north, 'north', 1_000)).toBeUndefined();
    expect(whyFenced(north, 'north', 1_001)).toMatch(/has not renewed/);
  });
});

describe('how far behind a standby site is', () => {
  it('is what it said last, and the time since then', () => {
    expect(standbyBehindMs({ standby: undefined }, 5_000)).toBeUndefined();
    expect(standbyBehindMs({ standby: { name: 'south', seenAt: 4_000, lagMs: 250 } }, 5_000)).toBe(1_250);
    expect(standbyBehindMs({ standby: { name: 'south', seenAt: 6_000, lagMs: undefined } }, 5_000)).toBe(0);
  });
});
