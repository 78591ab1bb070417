import { DatabaseSync } from 'node:sqlite';
import { StartupError } from '../../config/startup-error.ts';

/** A picture as the records name it. */
export interface RecordedPicture {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** What a copy of the records says about itself. */
export interface DatabaseFacts {
  /** The last migration of its tables. */
  readonly schema: string;
  readonly pictures: readonly RecordedPicture[];
}

/**
 * Writes the records as they are at one moment into a new file, while others go on reading and writing them: VACUUM
 * INTO reads within one transaction (https://www.sqlite.org/lang_vacuum.html).
 */
export function snapshotDatabase(path: string, target: string): void {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.prepare('vacuum into ?').run(target);
  } finally {
    database.close();
  }
}

/** Looks into a copy and checks that it is whole. @throws StartupError `backup_invalid` */
export function readDatabase(path: string): DatabaseFacts {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const { integrity_check: verdict } = database.prepare('pragma integrity_check(1)').get() as {
      integrity_check: string;
    };
    if (verdict !== 'ok') throw invalid(path, verdict);
    const last = database.prepare('select name from kysely_migration order by name desc limit 1').get();
    const pictures = database
      .prepare('select sha256, max(size_bytes) as size_bytes from assets group by sha256 order by sha256')
      .all() as { sha256: string; size_bytes: number }[];
    return {
      schema: String(last?.['name']),
      pictures: pictures.map(({ sha256, size_bytes: sizeBytes }) => ({ sha256, sizeBytes })),
    };
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw invalid(path, (error as Error).message, error);
  } finally {
    database.close();
  }
}

function invalid(path: string, reason: string, cause?: unknown): StartupError {
  const message = `The records in ${path} are damaged: ${reason}.`;
  return new StartupError('backup_invalid', message, { details: { path, reason }, cause });
}

const BUSY_TIMEOUT_MS = 30_000;
