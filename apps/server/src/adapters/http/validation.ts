import type { FieldErrorCode } from '@imagemill/api';
import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { AppError, type FieldFault } from '../../domain/errors.ts';

/** Makes Fastify check a part of a request with its zod schema; what is wrong goes to the error handler. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema }) => {
  return (data: unknown) => {
    const result = schema.safeParse(data);
    return result.success ? { value: result.data } : { error: validationError(result.error, data) };
  };
};

/** The error that names every field that was refused. */
export function validationError(error: z.ZodError, data: unknown): AppError {
  const faults = error.issues.flatMap((issue) => faultsOf(issue, data));
  // The first fault of a field says enough: an empty prompt is also one of white space.
  const fields = faults.filter(({ field }, i) => faults.findIndex((other) => other.field === field) === i);
  const detail = fields.map((field) => field.message).join(' ');
  return new AppError('validation_failed', detail, { fields });
}

type Issue = z.core.$ZodIssue;

function faultsOf(issue: Issue, data: unknown): FieldFault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const field = [...issue.path, key].map(String).join('.');
      const expected = 'one of the fields of the API';
      return {
        field,
        code: 'unknown_field',
        message: `${field} is not a known field.`,
        got: describe(valueAt(data, [...issue.path, key])),
        expected,
      };
    });
  }
  const field = issue.path.map(String).join('.');
  // A request without a body reaches us as null.
  const value = field === '' && data === null ? undefined : valueAt(data, issue.path);
  const { code, expected } = meaningOf(issue, value);
  const got = value === undefined ? undefined : describe(value);
  const name = field === '' ? 'The body' : field;
  const message =
    got === undefined ? `${name} is missing: ${expected} is expected.` : `${name} must be ${expected}, but is ${got}.`;
  return [{ field, code, message, got, expected }];
}

function meaningOf(issue: Issue, value: unknown): { code: FieldErrorCode; expected: string } {
  switch (issue.code) {
    case 'invalid_type': {
      if (value === undefined) return { code: 'required', expected: typeWords(issue.expected) };
      const isNumber = issue.expected === 'int' && typeof value === 'number';
      return { code: isNumber ? 'not_an_integer' : 'wrong_type', expected: typeWords(issue.expected) };
    }
    case 'too_small':
      if (issue.origin !== 'string') return { code: 'too_small', expected: `at least ${issue.minimum}` };
      return { code: value === '' ? 'blank' : 'too_short', expected: `text of at least ${issue.minimum} characters` };
    case 'too_big':
      if (issue.origin !== 'string') return { code: 'too_big', expected: `at most ${issue.maximum}` };
      return { code: 'too_long', expected: `text of at most ${issue.maximum} characters` };
    case 'not_multiple_of':
      return { code: 'not_a_multiple', expected: `a multiple of ${issue.divisor}` };
    case 'invalid_value':
      return { code: 'invalid_value', expected: `one of ${issue.values.map(String).join(', ')}` };
    case 'custom':
      return {
        code: (issue.params?.['code'] as FieldErrorCode | undefined) ?? 'invalid_value',
        expected: issue.message,
      };
    default:
      return { code: 'invalid_value', expected: issue.message };
  }
}

function typeWords(expected: string): string {
  const words: Readonly<Record<string, string>> = {
    int: 'an integer',
    number: 'a number',
    string: 'text',
    boolean: 'true or false',
    object: 'a JSON object',
    array: 'a list',
  };
  return words[expected] ?? expected;
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** A value in at most a line: what was sent may be huge. */
function describe(value: unknown): string {
  if (typeof value === 'string' && value.length > MAX_SHOWN) {
    // Cut between whole characters, so that the answer is valid text.
    const start = [...value.slice(0, MAX_SHOWN / 2)].slice(0, -1).join('');
    return `${JSON.stringify(start)}… (${value.length} characters)`;
  }
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'a JSON object';
  return JSON.stringify(value) ?? String(value);
}

const MAX_SHOWN = 100;
