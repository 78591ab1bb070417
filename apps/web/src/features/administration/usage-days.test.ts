import type { Usage, UsageItem } from '@imagemill/api';
import { expect, test } from 'vitest';
import { byDay, firstOfMonth } from './usage-days.ts';

test('days without a picture stand in the chart too, over the end of a month', () => {
  const items = [{ day: '2026-02-28', pictures: 3 } as UsageItem];
  const usage: Usage = { from: '2026-02-27', to: '2026-03-01', items };
  expect(byDay(usage)).toEqual([
    { day: '2026-02-27', pictures: 0 },
    { day: '2026-02-28', pictures: 3 },
    { day: '2026-03-01', pictures: 0 },
  ]);
  expect(byDay(undefined)).toEqual([]);
  expect(firstOfMonth(Date.parse('2026-02-28T23:59:00Z'))).toBe('2026-02-01');
});
