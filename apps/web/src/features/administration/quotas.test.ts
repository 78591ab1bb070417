import { expect, test } from 'vitest';
import { changeOf, limitsOf, textsOf } from './quotas.ts';

test('limits become texts and come back, and an emptied one is taken away', () => {
  const texts = textsOf({ picturesPerDay: 500, maxRunning: 2 });
  expect(texts).toEqual({ picturesPerDay: '500', maxRunning: '2' });
  expect(limitsOf(texts)).toEqual({ picturesPerDay: 500, maxRunning: 2 });
  expect(limitsOf({ ...texts, maxRunning: '' })).toEqual({ picturesPerDay: 500 });
  expect(changeOf({ ...texts, maxRunning: '' })).toMatchObject({ picturesPerDay: 500, maxRunning: null });
});
