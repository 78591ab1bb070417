import { ModelError } from '../../application/model-errors.ts';

/** True when a system call failed with one of the codes, e.g. `ENOENT`. */
export function hasErrorCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}

/** Error of the model library behind a failed write below the models folder. */
export function toWriteError(error: unknown, path: string): unknown {
  if (hasErrorCode(error, 'ENOSPC', 'EDQUOT')) {
    return new ModelError(
      'disk_full',
      `The disk is full while writing ${path}: make room and run the same command again; it goes on where it stopped.`,
      {
        details: { path },
        cause: error,
      },
    );
  }
  if (hasErrorCode(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT', 'EEXIST')) {
    return new ModelError(
      'folder_unwritable',
      `${path} cannot be written: choose another models folder with --dir or IMAGEMILL_MODELS_DIR.`,
      {
        details: { path },
        cause: error,
      },
    );
  }
  return error;
}
