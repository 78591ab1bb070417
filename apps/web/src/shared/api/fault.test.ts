import type { Problem } from '@imagemill/api';
import { ApiError } from '@imagemill/api/client';
import { describe, expect, test } from 'vitest';
import { errorsEn } from '../i18n/errors-en.ts';
import { faultOf, faultOfJob } from './fault.ts';

const known = (code: string): boolean => Object.hasOwn(errorsEn, code);

function apiError(status: number, code: string, fields: Partial<Problem> = {}): ApiError {
  const problem: Problem = {
    type: `urn:imagemill:error:${code}`,
    title: '',
    status,
    detail: '',
    instance: '/v1/generations',
    code,
    help: '',
    retryable: false,
    requestId: 'request-1',
    ...fields,
  };
  return new ApiError({ status, code, message: '', problem });
}

describe('faults', () => {
  test('an error of the server keeps its code, its fields and its reference', () => {
    const errors = [{ field: 'width', code: 'too_big', message: '', expected: '' }] as const;
    expect(faultOf(apiError(422, 'validation_failed', { errors }), known)).toEqual({
      code: 'validation_failed',
      fields: errors,
      requestId: 'request-1',
    });
  });

  test.each([
    [507, 'disk_full'],
    [500, 'internal_error'],
    [599, 'internal_error'],
    [418, 'unexpected_answer'],
    [0, 'unreachable'],
  ])('an unknown code with status %i is told as %s', (status, expected) => {
    expect(faultOf(apiError(status, 'code_of_next_year'), known).code).toBe(expected);
  });

  test('silence for too long is told as a server that does not answer', () => {
    expect(faultOf(new DOMException('', 'TimeoutError'), known).code).toBe('unreachable');
    expect(faultOf(new SyntaxError('not JSON'), known).code).toBe('unexpected_answer');
  });

  test('a job tells its own code, or a fault of the engine when the code is new', () => {
    const error = { code: 'disk_full', message: '', retryable: true, details: {} };
    expect(faultOfJob(error, known).code).toBe('disk_full');
    expect(faultOfJob({ ...error, code: 'toString' }, known).code).toBe('engine_fault');
  });
});
