import { expect, test } from 'vitest';
import { DiffusionError, diffusionErrorCodes, throwIfCancelled } from './errors.ts';

test('an error carries its code, facts, cause and whether a retry may help', () => {
  const cause = new Error('disk');
  const error = new DiffusionError('out_of_memory', 'No room.', { details: { bytes: 5 }, cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: 'DiffusionError',
    code: 'out_of_memory',
    details: { bytes: 5 },
    retryable: true,
  });
  expect(error.cause).toBe(cause);
  expect('cause' in new DiffusionError('size_invalid', 'Odd.')).toBe(false);
  expect(new DiffusionError('size_invalid', 'Odd.')).toMatchObject({ details: {}, retryable: false });
});

test('every code has a meaning in one sentence', () => {
  for (const [code, { meaning }] of Object.entries(diffusionErrorCodes)) {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
  }
});

test('only an aborted signal cancels', () => {
  throwIfCancelled(undefined, 'Work');
  throwIfCancelled(new AbortController().signal, 'Work');
  const reason = new Error('enough');
  expect(() => throwIfCancelled(AbortSignal.abort(reason), 'Work')).toThrow(
    expect.objectContaining({ code: 'cancelled', message: 'Work was cancelled.', cause: reason }),
  );
});
