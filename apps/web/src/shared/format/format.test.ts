import { describe, expect, test } from 'vitest';
import { formatAgo, formatBytes, formatDay, formatDuration, formatNumber, formatPercent, localeOf } from './format.ts';

describe('numbers and times', () => {
  test('a duration is given in milliseconds, seconds or minutes with seconds', () => {
    expect(formatDuration('en', 412.4)).toBe('412 ms');
    expect(formatDuration('en', 3_440)).toBe('3.4 sec');
    expect(formatDuration('en', 125_000)).toBe('2 min 5 sec');
    expect(formatDuration('en', 120_000)).toBe('2 min');
    expect(formatDuration('zh-CN', 3_440)).toBe('3.4 秒');
    expect(formatDuration('zh-CN', 125_000)).toBe('2 分钟 5 秒');
  });

  test('a file size is given in the largest unit that leaves a whole number before the point', () => {
    expect(formatBytes('en', 812)).toBe('812 byte');
    expect(formatBytes('en', 82_400)).toBe('82 kB');
    expect(formatBytes('en', 1_440_000)).toBe('1.4 MB');
    expect(formatBytes('zh-CN', 2_500_000_000)).toBe('2.5 GB');
  });

  test('a time is told as long ago, and by its date after a week', () => {
    const now = Date.parse('2026-11-22T12:00:00.000Z');
    expect(formatAgo('en', '2026-11-22T11:59:30.000Z', now)).toBe('now');
    expect(formatAgo('en', '2026-11-22T11:55:00.000Z', now)).toBe('5 min. ago');
    expect(formatAgo('zh-CN', '2026-11-22T09:00:00.000Z', now)).toBe('3 小时前');
    expect(formatAgo('en', '2026-11-21T11:00:00.000Z', now)).toBe('yesterday');
    expect(formatAgo('en', '2026-11-01T11:00:00.000Z', now)).toBe('Nov 1, 2026');
  });

  test('a clock that runs ahead of the reader is not shown as the future', () => {
    const now = Date.parse('2026-11-22T12:00:00.000Z');
    expect(formatAgo('en', '2026-11-22T12:00:09.000Z', now)).toBe('now');
  });

  test('a day is written as the reader writes days, whatever the hour is where they are', () => {
    expect(formatDay('en', '2026-11-25')).toBe('Nov 25, 2026');
    expect(formatDay('zh-CN', '2026-11-25')).toBe('2026年11月25日');
    expect(formatDay('en', 'soon')).toBe('soon');
  });

  test('numbers are grouped', () => {
    expect(formatNumber('en', 1234567)).toBe('1,234,567');
    expect(formatNumber('zh-CN', 1234567)).toBe('1,234,567');
  });
});

describe('the manner of the reader', () => {
  test('is that of the kind of the language that the browser names', () => {
    expect(localeOf('en', ['de-DE', 'en-GB', 'en-US'])).toBe('en-GB');
    expect(localeOf('zh-CN', ['zh-TW', 'zh-CN'])).toBe('zh-TW');
    expect(localeOf('zh-CN', ['en-US'])).toBe('zh-CN');
    expect(localeOf('en', [])).toBe('en');
  });

  test('long times have hours, shares have a percent sign', () => {
    expect(formatDuration('en', 12_000_000)).toBe('3 hr 20 min');
    expect(formatDuration('zh-CN', 3_600_000)).toBe('1 小时');
    expect(formatPercent('en', 0.456)).toBe('46%');
    expect(formatPercent('en', 0.125, 1)).toBe('12.5%');
  });
});
