/**
 * A backup folder holds any number of snapshots that share their files:
 *
 *   snapshots/2026-11-25T15-30-00Z/manifest.json   what belongs to it; written last, so a snapshot without it is none
 *   snapshots/2026-11-25T15-30-00Z/imagemill.db    the records, as of one moment
 *   files/ab/cd/abcd…                              pictures, LoRAs and files that were handed in, by their SHA-256
 */
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { StartupError } from '../../config/startup-error.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const size = z.int().min(0);

const manifestSchema = z.object({
  format: z.literal(1),
  createdAt: z.iso.datetime(),
  /** Of Imagemill. */
  version: z.string(),
  /** The last migration of the tables. */
  schema: z.string(),
  database: z.object({ sizeBytes: size, sha256: hash }),
  pictures: z.object({
    count: size,
    sizeBytes: size,
    /** Hashes of pictures that were not there, or were damaged, when the snapshot was made. */
    missing: z.array(hash),
  }),
  /** Other files of the data folder. */
  files: z.array(z.object({ path: z.string().min(1), sizeBytes: size, sha256: hash })),
});

export type Manifest = z.output<typeof manifestSchema>;

export const DATABASE = 'imagemill.db';

export function snapshotsFolder(folder: string): string {
  return join(folder, 'snapshots');
}

/** Where a file of this content lies in a backup. */
export function fileIn(folder: string, sha256: string): string {
  return join(folder, 'files', sha256.slice(0, 2), sha256.slice(2, 4), sha256);
}

/** Where a picture of this content lies in a folder of pictures. */
export function pictureIn(folder: string, sha256: string): string {
  return join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
}

/** Names of the finished snapshots, oldest first. */
export async function listSnapshots(folder: string): Promise<readonly string[]> {
  const names = await readdir(snapshotsFolder(folder)).catch((): string[] => []);
  const found: string[] = [];
  for (const name of names.sort()) {
    const inside = await readdir(join(snapshotsFolder(folder), name)).catch((): string[] => []);
    if (inside.includes('manifest.json')) found.push(name);
  }
  return found;
}

export async function writeManifest(snapshot: string, manifest: Manifest): Promise<void> {
  const path = join(snapshot, 'manifest.json');
  await writeFile(`${path}.part`, `${JSON.stringify(manifest, undefined, 2)}\n`, { flush: true });
  await rename(`${path}.part`, path);
}

/** @throws StartupError `backup_invalid` */
export async function readManifest(snapshot: string): Promise<Manifest> {
  const path = join(snapshot, 'manifest.json');
  try {
    return manifestSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new StartupError('backup_invalid', `${path} is not the manifest of a backup.`, { details: { path }, cause });
  }
}
