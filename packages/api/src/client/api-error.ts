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

  constructor(fields: { status: number; code: string; message: string; problem?: Problem; cause?: unknown }) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.status = fields.status;
    this.code = fields.code;
    this.problem = fields.problem;
    this.retryable = fields.problem?.retryable ?? (fields.status === 0 || fields.status >= 500);
  }
}

/** The error that an answer outside 2xx stands for. */
export async function errorFromResponse(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  const problem = parseProblem(text);
  if (problem !== undefined) {
    return new ApiError({ status: response.status, code: problem.code, message: problem.detail, problem });
  }
  return new ApiError({
    status: response.status,
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
