import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { StartupError } from '../../config/startup-error.ts';
import { copyFile, hashFile, sizeOf } from './copy-file.ts';
import {
  DATABASE,
  fileIn,
  listSnapshots,
  type Manifest,
  pictureIn,
  readManifest,
  snapshotsFolder,
  writeManifest,
} from './manifest.ts';
import { type RecordedPicture, readDatabase, snapshotDatabase } from './snapshot-database.ts';

export interface BackUpOptions {
  /** The data folder with the records. */
  readonly dataDir: string;
  /** Where pictures, LoRAs and files that were handed in are; undefined when pictures are kept elsewhere. */
  readonly pictures: string | undefined;
  readonly shared: string;
  /** The backup folder. */
  readonly target: string;
  /** Snapshots that are kept, this one included. @default all */
  readonly keep?: number | undefined;
  readonly version: string;
  readonly now: () => Date;
}

export interface BackUpReport {
  readonly snapshot: string;
  readonly manifest: Manifest;
  /** Files that were not in the backup before. */
  readonly copied: number;
  readonly copiedBytes: number;
  readonly removedSnapshots: readonly string[];
}

/**
 * Takes a snapshot of a data folder, also while a server works in it. Records first, pictures after: every picture is
 * on disk before its record is. Files that an earlier snapshot has are not copied again.
 *
 * @throws StartupError `data_folder_unusable`, `backup_invalid`
 */
export async function backUp(options: BackUpOptions): Promise<BackUpReport> {
  const { dataDir, target, version, now } = options;
  const database = join(dataDir, DATABASE);
  if ((await sizeOf(database)) === undefined) {
    const message = `There are no records in ${dataDir}. Name the data folder of the server with --data-dir.`;
    throw new StartupError('data_folder_unusable', message, { details: { folder: dataDir } });
  }
  const createdAt = now().toISOString();
  const name = createdAt.replace(/\.(\d+)Z$/, '-$1Z').replaceAll(':', '-');
  const snapshot = join(snapshotsFolder(target), name);
  await mkdir(snapshot, { recursive: true });
  try {
    const copy = join(snapshot, DATABASE);
    snapshotDatabase(database, copy);
    const { schema, pictures } = readDatabase(copy);
    const hashed = await hashFile(copy);
    if (hashed === undefined) throw new StartupError('backup_invalid', `${copy} was removed while it was written.`);
    const copier = new Copier(target);
    const missing = options.pictures === undefined ? [] : await copier.pictures(options.pictures, pictures);
    const files = await copier.folders(options.shared, FOLDERS);
    const kept = options.pictures === undefined ? [] : pictures;
    const manifest: Manifest = {
      ...{ format: 1, createdAt, version, schema, database: hashed, files },
      pictures: { count: kept.length, sizeBytes: kept.reduce((sum, one) => sum + one.sizeBytes, 0), missing },
    };
    await writeManifest(snapshot, manifest);
    const removedSnapshots = options.keep === undefined ? [] : await forget(target, options.keep);
    return { snapshot: name, manifest, copied: copier.count, copiedBytes: copier.bytes, removedSnapshots };
  } catch (error) {
    await rm(snapshot, { recursive: true, force: true });
    throw error;
  }
}

class Copier {
  count = 0;
  bytes = 0;
  readonly #target: string;

  constructor(target: string) {
    this.#target = target;
  }

  /** Gives the hashes of those that are not there or are damaged. */
  async pictures(folder: string, pictures: readonly RecordedPicture[]): Promise<string[]> {
    const missing: string[] = [];
    for (const { sha256, sizeBytes } of pictures) {
      if (!(await this.#copy(pictureIn(folder, sha256), { sha256, sizeBytes }))) missing.push(sha256);
    }
    return missing;
  }

  async folders(root: string, names: readonly string[]): Promise<Manifest['files']> {
    const files: Manifest['files'] = [];
    for (const path of (await Promise.all(names.map((name) => filesBelow(join(root, name))))).flat()) {
      const hashed = await hashFile(path);
      // Gone or changed since it was listed: it belongs to no record yet.
      if (hashed === undefined || !(await this.#copy(path, hashed))) continue;
      files.push({ path: relative(root, path).split(sep).join('/'), ...hashed });
    }
    return files;
  }

  async #copy(from: string, { sha256, sizeBytes }: RecordedPicture): Promise<boolean> {
    const to = fileIn(this.#target, sha256);
    if ((await sizeOf(to)) === sizeBytes) return true;
    const copied = await copyFile(from, to, sha256);
    if (copied === undefined) return false;
    this.count += 1;
    this.bytes += copied.sizeBytes;
    return true;
  }
}

/** Removes all but the newest snapshots, and the files that none of them needs. */
async function forget(target: string, keep: number): Promise<readonly string[]> {
  const names = await listSnapshots(target);
  const old = names.slice(0, Math.max(0, names.length - keep));
  if (old.length === 0) return [];
  const needed = new Set<string>();
  for (const name of names.slice(old.length)) {
    const snapshot = join(snapshotsFolder(target), name);
    for (const { sha256 } of readDatabase(join(snapshot, DATABASE)).pictures) needed.add(sha256);
    const { files } = await readManifest(snapshot);
    for (const { sha256 } of files) needed.add(sha256);
  }
  for (const name of old) await rm(join(snapshotsFolder(target), name), { recursive: true });
  for (const path of await filesBelow(join(target, 'files'))) {
    if (!needed.has(basename(path))) await rm(path);
  }
  return old;
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.part'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Folders of the data folder that records refer to, beside the pictures. */
const FOLDERS = ['loras', 'bulks', 'files'];
