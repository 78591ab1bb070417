import type { FieldError, JobError } from '@imagemill/api';
import { ApiError, NOT_A_PROBLEM, UNREACHABLE } from '@imagemill/api/client';
import type { errorsEn } from '../i18n/errors-en.ts';

export type FaultCode = keyof typeof errorsEn;

/** What went wrong, ready to be said in the reader's language. */
export interface Fault {
  readonly code: FaultCode;
  /** Fields that the server refused. */
  readonly fields: readonly FieldError[];
  /** When the same may succeed, as the server says. */
  readonly retryAfterSeconds?: number | undefined;
  /** Finds the request in the server's log. */
  readonly requestId?: string | undefined;
}

/** Turns whatever a request threw into a fault. `isKnown` tells the codes that have sentences. */
export function faultOf(error: unknown, isKnown: (code: string) => boolean): Fault {
  if (error instanceof ApiError) {
    const code = isKnown(error.code) ? (error.code as FaultCode) : codeOfStatus(error.status);
    const { problem, retryAfterSeconds } = error;
    return { code, fields: problem?.errors ?? [], requestId: problem?.requestId, retryAfterSeconds };
  }
  const isTimeout = error instanceof DOMException && error.name === 'TimeoutError';
  return { code: isTimeout ? UNREACHABLE : NOT_A_PROBLEM, fields: [] };
}

/** The fault of a job; a code of a newer server is told as a fault of the engine. */
export function faultOfJob(error: JobError, isKnown: (code: string) => boolean): Fault {
  return { code: isKnown(error.code) ? (error.code as FaultCode) : 'engine_fault', fields: [] };
}

/** For codes this page does not know, and for answers of something between page and server. */
function codeOfStatus(status: number): FaultCode {
  if (status === 0) return UNREACHABLE;
  if (status === 429) return 'rate_limited';
  if (status === 507) return 'disk_full';
  return status >= 500 ? 'internal_error' : NOT_A_PROBLEM;
}
