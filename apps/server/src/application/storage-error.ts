import { AppError } from '../domain/errors.ts';

/**
 * A fault of the file system as `disk_full` or `storage_failed`; one of ours stays as it is.
 * @param what what could not be done, without a full stop
 */
export function storageError(error: unknown, what: string): AppError {
  if (error instanceof AppError) return error;
  const { code = 'unknown', message } = error as NodeJS.ErrnoException;
  const details = { systemCode: code };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AppError('disk_full', `The disk is full. ${what}.`, { details, cause: error });
  }
  return new AppError('storage_failed', `${what}: ${message}.`, { details, cause: error });
}
