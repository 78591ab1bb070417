import { describe, expect, it } from 'vitest';
import { createIdSource } from './id-source.ts';

describe('the id source', () => {
  it('gives UUIDs of version 7 that carry the time', () => {
    const id = createIdSource({ now: () => 0x0192_3456_789a }).next();
    expect(id).toMatch(/^01923456-789a-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('gives ids that sort in the order in which they were given, also when the clock is set back', () => {
    let now = 1_800_000_000_000;
    const source = createIdSource({ now: () => now });
    const ids = Array.from({ length: 20_000 }, (_, i) => {
      if (i % 1_000 === 0) now += i % 3_000 === 0 ? -5_000 : 1;
      return source.next();
    });
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(ids.length);
  });
});
