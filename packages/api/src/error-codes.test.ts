import { describe, expect, it } from 'vitest';
import { errorCodes, isErrorCode } from './error-codes.ts';

describe('the error codes', () => {
  it.each(Object.entries(errorCodes))('%s says what it is, why, and what to do, in sentences', (code, entry) => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(entry.status).toBeGreaterThanOrEqual(400);
    expect(entry.title).toMatch(/^[A-Z].*[^.]$/);
    expect(entry.cause).toMatch(/^[A-Z].*\.$/);
    expect(entry.help).toMatch(/^[A-Z].*\.$/);
  });

  it('are told from other words', () => {
    expect(isErrorCode('disk_full')).toBe(true);
    expect(isErrorCode('toString')).toBe(false);
  });
});
