import { expect, it } from 'vitest';
import { changeLimits } from './limits.ts';

it('sets the limits that are named, takes those away that are null and leaves the rest', () => {
  const changed = changeLimits({ maxOpen: 3, picturesPerDay: 10, maxRunning: 1 }, { maxOpen: 5, picturesPerDay: null });
  expect(changed).toEqual({ maxOpen: 5, maxRunning: 1 });
});
