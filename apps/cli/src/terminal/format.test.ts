import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, formatTable } from './format.ts';
import { TransferRate } from './progress.ts';

describe('figures for people', () => {
  it('show bytes in decimal units', () => {
    expect([0, 999, 1000, 9_949, 12_345, 999_600, 32_800_000_000].map(formatBytes)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '9.9 kB',
      '12 kB',
      '1.0 MB',
      '33 GB',
    ]);
  });

  it('show times with the unit that fits', () => {
    expect([0, 840, 9_960, 59_400, 200_000, 7_500_000].map(formatDuration)).toEqual([
      '0.0 s',
      '0.8 s',
      '10.0 s',
      '59 s',
      '3 min 20 s',
      '2 h 05 min',
    ]);
  });

  it('align the columns of a table', () => {
    expect(
      formatTable(
        ['NAME', 'SIZE'],
        [
          ['demo', '28 MB'],
          ['z', '1 B'],
        ],
        ['SIZE'],
      ),
    ).toBe('NAME   SIZE\ndemo  28 MB\nz       1 B');
  });

  it('tell speed and remaining time of a transfer over its last seconds', () => {
    let now = 0;
    const rate = new TransferRate(() => now);
    expect(rate.describe(5e6, 0, 105e6)).toBe('5.0 MB of 105 MB');
    now = 1000;
    expect(rate.describe(15e6, 10e6, 105e6)).toBe('15 MB of 105 MB, 10 MB/s, 9.0 s left');
    for (now = 2000; now <= 12_000; now += 1000) rate.describe(15e6, 10e6, 105e6);
    expect(rate.describe(15e6, 10e6, 105e6)).toBe('15 MB of 105 MB, waiting');
  });
});
