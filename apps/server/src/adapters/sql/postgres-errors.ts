import { AppError } from '../../domain/errors.ts';

/**
 * An error of PostgreSQL or of the way to it as one of ours; one of ours stays as it is. What the server says of values
 * (its `detail`) is left out: it may quote prompts.
 */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  const options = { details: { sqlState: code, reason }, cause: error };
  if (isGone(code, error)) {
    const message = 'The database cannot be reached, or is starting or stopping.';
    return new AppError('database_unavailable', message, options);
  }
  if (code === DISK_FULL) return new AppError('disk_full', 'The disk of the database is full.', options);
  if (code !== undefined && UNSTORABLE.has(code)) {
    const message = 'A text has a character that cannot be stored, such as U+0000.';
    const fields = [{ field: '', code: 'invalid_character' as const, message, expected: 'text without U+0000' }];
    return new AppError('validation_failed', message, { fields, cause: error });
  }
  return new AppError('storage_failed', `The database could not be used: ${reason}.`, options);
}

/** Whether the same work may succeed when it is simply done again. */
export function isPassingConflict(error: unknown): boolean {
  const code = error instanceof AppError ? error.details['sqlState'] : codeOf(error);
  return code === SERIALIZATION_FAILURE || code === DEADLOCK;
}

function isGone(code: string | undefined, error: unknown): boolean {
  // A prepared statement of a table that a newer version changed: a new connection prepares it anew.
  if (code === '0A000') return error instanceof Error && error.message.includes('cached plan');
  // Some errors of the driver have no code, only words.
  if (code === undefined) return error instanceof Error && /connection|timeout|not queryable/i.test(error.message);
  return GONE.has(code) || code.startsWith('08') || /^E[A-Z]+$/.test(code);
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error.code;
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const SERIALIZATION_FAILURE = '40001';
const DEADLOCK = '40P01';
const DISK_FULL = '53100';
/** Stopping, crashed, starting, too many connections, a standby, waited too long for a lock, was idle too long. */
const GONE: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '53300', '25006', '55P03', '25P03', '57P05']);
/** Not a character, and not one of UTF-8. */
const UNSTORABLE: ReadonlySet<string> = new Set(['22021', '22P05']);
