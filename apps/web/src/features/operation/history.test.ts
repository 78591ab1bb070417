import { expect, test } from 'vitest';
import { beginOf, ratesOf } from './history.ts';

test('charts begin where the records do, and show two minutes at least', () => {
  const [from, to] = ['2026-01-01T11:00:00.000Z', '2026-01-01T12:00:00.000Z'];
  const first = (at: string) => ({ from, to, samples: [{ at, queued: 0, running: 0, succeeded: 0, failed: 0 }] });
  expect(beginOf({ from, to, samples: [] })).toBe(Date.parse(from));
  expect(beginOf(first('2026-01-01T10:59:50.000Z'))).toBe(Date.parse(from));
  expect(beginOf(first('2026-01-01T11:40:00.000Z'))).toBe(Date.parse('2026-01-01T11:40:00.000Z'));
  expect(beginOf(first('2026-01-01T11:59:30.000Z'))).toBe(Date.parse('2026-01-01T11:58:00.000Z'));
});

test('rates are of the last minute, or of a step that is longer', () => {
  const drawn = (...counts: readonly number[]) => counts.map((succeeded) => ({ succeeded }));
  expect(ratesOf(drawn(6, 0, 0, 3), 20)).toEqual([6, 6, 6, 3]);
  expect(ratesOf(drawn(10, 5), 300)).toEqual([2, 1]);
});
