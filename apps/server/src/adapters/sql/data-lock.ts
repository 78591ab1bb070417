import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Who holds a data folder, as far as it is known. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
}

export interface DataLock {
  release(): void;
}

/**
 * Takes a folder for this process alone, for as long as it lives. The lock is one of the operating system's on an open
 * file (SQLite's exclusive lock), so it ends with the process however that ends, and no stale file is left to judge.
 * Gives who holds it when somebody else does.
 */
export function lockFolder(folder: string): { readonly lock: DataLock } | { readonly holder: LockHolder | undefined } {
  const path = join(folder, 'server.lock');
  const notePath = join(folder, 'server.json');
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('pragma journal_mode = memory; pragma locking_mode = exclusive; begin exclusive');
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    return { holder: readHolder(notePath) };
  }
  writeFileSync(notePath, JSON.stringify({ pid: process.pid, host: hostname() } satisfies LockHolder));
  return {
    lock: {
      release() {
        database.exec('rollback');
        database.close();
      },
    },
  };
}

function readHolder(path: string): LockHolder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LockHolder;
  } catch {
    return undefined;
  }
}

const SQLITE_BUSY = 5;
