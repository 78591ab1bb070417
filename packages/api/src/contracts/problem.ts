import { z } from 'zod';

/** What is wrong with one field of a request. */
export interface FieldError {
  /** Path in the body, the query or the path parameters: `width`, `lora.0.strength`; empty for the whole. */
  readonly field: string;
  /** Stable word for the kind of fault, see {@link fieldErrorCodes}. */
  readonly code: FieldErrorCode;
  readonly message: string;
  /** What was sent, shortened to 120 characters; absent when the field was missing. */
  readonly got?: string | undefined;
  readonly expected: string;
}

export const fieldErrorCodes = [
  'required',
  'unknown_field',
  'wrong_type',
  'not_an_integer',
  'too_small',
  'too_big',
  'too_short',
  'too_long',
  'blank',
  'invalid_character',
  'invalid_value',
  'not_a_multiple',
  'too_many_pixels',
  'too_many_pictures',
  'unknown_model',
  'unknown_lora',
  'lora_incompatible',
  'unknown_asset',
] as const;
export type FieldErrorCode = (typeof fieldErrorCodes)[number];

export const fieldErrorSchema: z.ZodType<FieldError> = z
  .object({
    field: z.string(),
    code: z.enum(fieldErrorCodes),
    message: z.string(),
    got: z.string().optional(),
    expected: z.string(),
  })
  .meta({ id: 'FieldError' });

/** Error answer of every route, RFC 9457 (`application/problem+json`). */
export interface Problem {
  /** `urn:imagemill:error:<code>` */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What happened this time, in one sentence. */
  readonly detail: string;
  /** Path of the request. */
  readonly instance: string;
  /** Stable code; `docs/errors.md` explains each. */
  readonly code: string;
  /** What to do about it. */
  readonly help: string;
  /** The same request may succeed later without a change. */
  readonly retryable: boolean;
  /** Equals the `x-request-id` header. */
  readonly requestId: string;
  /** Every field that was refused. */
  readonly errors?: readonly FieldError[] | undefined;
  /** Facts by name, e.g. `state` of a job that is final. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

export const problemSchema: z.ZodType<Problem> = z
  .object({
    type: z.string().meta({ example: 'urn:imagemill:error:validation_failed' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string().meta({ example: 'validation_failed' }),
    help: z.string(),
    retryable: z.boolean(),
    requestId: z.string(),
    errors: z.array(fieldErrorSchema).optional(),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Problem', description: 'Error answer, RFC 9457' });

/** Why an attempt at a job ended badly. */
export interface JobError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;
}

export const jobErrorSchema: z.ZodType<JobError> = z
  .object({
    code: z.string().meta({ example: 'engine_crashed' }),
    message: z.string(),
    retryable: z.boolean(),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'JobError' });
