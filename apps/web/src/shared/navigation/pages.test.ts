import { expect, test } from 'vitest';
import { pageOf } from './pages.ts';

test('a path leads to its page, with or without a slash at the end, and any other to the first', () => {
  expect(pageOf('/')).toBe('generate');
  expect(pageOf('/queue')).toBe('queue');
  expect(pageOf('/review')).toBe('review');
  expect(pageOf('/operation/')).toBe('operation');
  expect(pageOf('/administration/keys')).toBe('administration');
  expect(pageOf('/nothing/here')).toBe('generate');
});
