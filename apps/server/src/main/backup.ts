/** Backup and restore of the records in a file, with the pictures on disk. */
import { join } from 'node:path';
import { type BackUpReport, backUp } from '../adapters/backup/back-up.ts';
import { type RestoreReport, restore } from '../adapters/backup/restore.ts';
import { schemaNames } from '../adapters/sql/migrations.ts';
import type { Config } from '../config/load.ts';
import { StartupError } from '../config/startup-error.ts';
import { sharedFolder } from './open-records.ts';

/** Takes a snapshot, also while a server works. @throws StartupError `backup_not_embedded`, `backup_invalid`, `data_folder_unusable` */
export async function backUpData(
  config: Config,
  options: { readonly target: string; readonly keep?: number | undefined; readonly version: string },
): Promise<BackUpReport> {
  requireFile(config);
  const shared = sharedFolder(config);
  const pictures = config.s3Endpoint === undefined ? join(shared, 'assets') : undefined;
  return backUp({ ...options, dataDir: config.dataDir, pictures, shared, now: () => new Date() });
}

/** @throws StartupError `backup_not_embedded`, `restore_target_not_empty`, `backup_invalid` */
export async function restoreData(
  config: Config,
  options: { readonly source: string; readonly snapshot?: string | undefined },
): Promise<RestoreReport> {
  requireFile(config);
  return restore({ ...options, dataDir: config.dataDir, knownSchemas: schemaNames });
}

function requireFile({ databaseUrl }: Config): void {
  if (databaseUrl === undefined) return;
  const message =
    'The records are in PostgreSQL: back them up with pg_dump, and the bucket or folder of pictures with the tools of its service.';
  throw new StartupError('backup_not_embedded', message);
}
