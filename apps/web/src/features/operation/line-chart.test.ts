import { expect, test } from 'vitest';
import { stretchesOf } from './line-chart.tsx';

test('a line breaks where nothing was known for a while', () => {
  const at = (x: number) => ({ x, y: 1 });
  expect(stretchesOf([at(0), at(0.1), at(0.5), at(0.6)], 0.15)).toEqual([
    [at(0), at(0.1)],
    [at(0.5), at(0.6)],
  ]);
  expect(stretchesOf([], 1)).toEqual([]);
});
