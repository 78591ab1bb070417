import { mkdir, readdir, rm } from 'node:fs/promises';
import { isAbsolute, join, normalize, sep } from 'node:path';
import { StartupError } from '../../config/startup-error.ts';
import { copyFile } from './copy-file.ts';
import {
  DATABASE,
  fileIn,
  listSnapshots,
  type Manifest,
  pictureIn,
  readManifest,
  snapshotsFolder,
} from './manifest.ts';
import { readDatabase } from './snapshot-database.ts';

export interface RestoreOptions {
  /** The backup folder. */
  readonly source: string;
  /** @default the newest */
  readonly snapshot?: string | undefined;
  /** The data folder to be; it must be empty or not be there. */
  readonly dataDir: string;
  /** Migrations that this version knows. */
  readonly knownSchemas: readonly string[];
}

export interface RestoreReport {
  readonly snapshot: string;
  readonly manifest: Manifest;
}

/**
 * Brings a snapshot back into an empty data folder. Every file is checked against its hash; the records come last, so
 * that a restore that was broken off is no data folder. What was written is removed when it fails.
 *
 * @throws StartupError `restore_target_not_empty`, `backup_invalid`
 */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
  const { source, dataDir, knownSchemas } = options;
  const names = await listSnapshots(source);
  const snapshot = options.snapshot ?? names.at(-1);
  if (snapshot === undefined || !names.includes(snapshot)) {
    const found = names.length === 0 ? 'no snapshots' : `the snapshots ${names.join(', ')}`;
    const wanted = options.snapshot === undefined ? '' : `, not ${options.snapshot}`;
    throw new StartupError('backup_invalid', `The backup folder ${source} has ${found}${wanted}.`, {
      details: { folder: source, snapshots: names },
    });
  }
  const folder = join(snapshotsFolder(source), snapshot);
  const manifest = await readManifest(folder);
  if (!knownSchemas.includes(manifest.schema)) {
    const message = `The backup was made by Imagemill ${manifest.version}, whose records (${manifest.schema}) are newer than this version knows. Restore it with that version or a later one.`;
    throw new StartupError('backup_invalid', message, { details: { schema: manifest.schema } });
  }
  await requireEmpty(dataDir);
  try {
    await bringBack({ source, folder, dataDir, manifest });
  } catch (error) {
    for (const name of await readdir(dataDir)) await rm(join(dataDir, name), { recursive: true });
    throw error;
  }
  return { snapshot, manifest };
}

async function bringBack(of: {
  readonly source: string;
  readonly folder: string;
  readonly dataDir: string;
  readonly manifest: Manifest;
}): Promise<void> {
  const { source, folder, dataDir, manifest } = of;
  const damaged = (path: string): StartupError =>
    new StartupError('backup_invalid', `The backup is damaged: ${path} is missing or does not have its hash.`, {
      details: { path },
    });
  const { pictures } = readDatabase(join(folder, DATABASE));
  const missing = new Set(manifest.pictures.missing);
  const wanted = manifest.pictures.count === 0 ? [] : pictures.filter(({ sha256 }) => !missing.has(sha256));
  for (const { sha256 } of wanted) {
    const from = fileIn(source, sha256);
    if ((await copyFile(from, pictureIn(join(dataDir, 'assets'), sha256), sha256)) === undefined) throw damaged(from);
  }
  for (const { path, sha256 } of manifest.files) {
    const from = fileIn(source, sha256);
    if (isOutside(path)) throw damaged(path);
    if ((await copyFile(from, join(dataDir, path), sha256)) === undefined) throw damaged(from);
  }
  const records = join(folder, DATABASE);
  if ((await copyFile(records, join(dataDir, DATABASE), manifest.database.sha256)) === undefined)
    throw damaged(records);
}

/** Whether a path of the manifest leads out of the data folder. */
function isOutside(path: string): boolean {
  return isAbsolute(path) || normalize(path).split(sep).includes('..');
}

async function requireEmpty(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const inside = await readdir(folder);
  if (inside.length === 0) return;
  const message = `The folder ${folder} is not empty. Restore into an empty one, so that nothing is mixed up or lost.`;
  throw new StartupError('restore_target_not_empty', message, { details: { folder } });
}
