import type { Problem } from '../contracts/problem.ts';

/** Codes of an {@link ApiError} that do not come from the server. */
export const UNREACHABLE = 'unreachable';
export const NOT_A_PROBLEM = 'unexpected_answer';

/**
 * A request that did not succeed: an error answer of the server, or no answer at all (`status` 0, code `unreachable`),
 * or one that did not come from Imagemill (code `unexpected_answer`, e.g. of a proxy).
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly code: string;
  /** The same request may succeed later without a change. */
  readonly retryable: boolean;
  /** The server's words, when it sent any. */
  readonly problem: Problem | undefined;
  /** When the same request may succeed, as the server says in `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(fields: ApiErrorFields) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.status = fields.status;
    this.code = fields.code;
    this.problem = fields.problem;
    this.retryAfterSeconds = fields.retryAfterSeconds;
    this.retryable =
      fields.problem?.retryable ?? (fields.status === 0 || fields.status === 429 || fields.status >= 500);
  }
}

interface ApiErrorFields {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly problem?: Problem;
  readonly retryAfterSeconds?: number | undefined;
  readonly cause?: unknown;
}

/** The error that an answer outside 2xx stands for. */
export async function errorFromResponse(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  const problem = parseProblem(text);
  const retryAfterSeconds = secondsOf(response.headers);
  if (problem !== undefined) {
    const { code, detail: message } = problem;
    return new ApiError({ status: response.status, code, message, problem, retryAfterSeconds });
  }
  return new ApiError({
    status: response.status,
    retryAfterSeconds,
    code: NOT_A_PROBLEM,
    message: `The server answered ${response.status} without saying why.`,
  });
}

/** The error for a request that got no answer. An abort by the caller is passed on as it is. */
export function errorFromFailure(cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ApiError({ status: 0, code: UNREACHABLE, message: `The server cannot be reached: ${reason}`, cause });
}

/** Seconds of `Retry-After`; a date in it is left alone: clocks differ. */
function secondsOf(headers: Headers): number | undefined {
  const text = headers.get('retry-after') ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function parseProblem(text: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isProblem(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && 'detail' in value && 'status' in value;
}
