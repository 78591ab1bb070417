import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DiffusionError, throwIfCancelled } from '../errors.ts';
import { readJsonFile } from './json-file.ts';

/** What a folder of a model holds, file by file: the reference that a later check compares with. */
export interface Manifest {
  readonly files: readonly ManifestFile[];
}

export interface ManifestFile {
  /** Relative to the folder, parts joined by `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/** A difference between a folder and its manifest. */
export type ManifestProblem =
  | { readonly kind: 'missing'; readonly path: string }
  | { readonly kind: 'surplus'; readonly path: string }
  | { readonly kind: 'size'; readonly path: string; readonly expected: number; readonly found: number }
  | { readonly kind: 'hash'; readonly path: string; readonly expected: string; readonly found: string };

export interface ManifestProgress {
  readonly path: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface ManifestOptions {
  /** Called after every megabyte read, and at least once per file. */
  readonly onProgress?: (progress: ManifestProgress) => void;
  readonly signal?: AbortSignal;
}

/** Name of the file in the model's folder; it is not listed in itself. */
export const manifestFileName = 'imagemill.manifest.json';

/**
 * Hashes every file of a folder and its subfolders, in order of their paths. Entries whose name starts with a dot are
 * left out (caches of download tools); symbolic links count as what they point to. Files are streamed.
 *
 * @throws DiffusionError `checkpoint_not_found`, `checkpoint_file_unreadable`, `cancelled`
 */
export async function createManifest(folder: string, options: ManifestOptions = {}): Promise<Manifest> {
  const found = await listFiles(folder);
  const report = createReporter(
    found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    options,
  );
  const files: ManifestFile[] = [];
  for (const { path, sizeBytes } of found) {
    files.push({ path, sizeBytes, sha256: await hashFile(join(folder, path), path, report, options.signal) });
  }
  return { files };
}

/**
 * Compares a folder with a manifest and returns all differences, in order of their paths. A file of another size is
 * reported without being read.
 *
 * @throws DiffusionError `checkpoint_not_found`, `checkpoint_file_unreadable`, `cancelled`
 */
export async function verifyManifest(
  folder: string,
  manifest: Manifest,
  options: ManifestOptions = {},
): Promise<ManifestProblem[]> {
  const found = new Map((await listFiles(folder)).map(({ path, sizeBytes }) => [path, sizeBytes]));
  const problems: ManifestProblem[] = [];
  const toRead = manifest.files.filter(({ path, sizeBytes }) => found.get(path) === sizeBytes);
  const report = createReporter(
    toRead.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    options,
  );
  for (const { path, sizeBytes, sha256 } of manifest.files) {
    const size = found.get(path);
    found.delete(path);
    if (size === undefined) problems.push({ kind: 'missing', path });
    else if (size !== sizeBytes) problems.push({ kind: 'size', path, expected: sizeBytes, found: size });
    else {
      const hash = await hashFile(join(folder, path), path, report, options.signal);
      if (hash !== sha256) problems.push({ kind: 'hash', path, expected: sha256, found: hash });
    }
  }
  for (const path of found.keys()) problems.push({ kind: 'surplus', path });
  return problems.sort((a, b) => comparePaths(a.path, b.path));
}

const manifestSchema = z.strictObject({
  files: z.array(
    z.strictObject({
      path: z.string().refine(isInside, 'a relative path without ".." is expected'),
      sizeBytes: z.int().min(0),
      sha256: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits are expected'),
    }),
  ),
});

/** Reads the manifest of a folder. @throws DiffusionError `checkpoint_file_missing`, `checkpoint_config_invalid` */
export async function readManifest(folder: string): Promise<Manifest> {
  return await readJsonFile(join(folder, manifestFileName), manifestSchema);
}

/** Writes the manifest into its folder; it appears there only when it is whole. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const file = join(folder, manifestFileName);
  const partial = join(folder, `.${manifestFileName}.${process.pid}.partial`);
  try {
    await writeFile(partial, `${JSON.stringify(manifest, undefined, 2)}\n`);
    await rename(partial, file);
  } catch (cause) {
    await rm(partial, { force: true });
    throw cause;
  }
}

function isInside(path: string): boolean {
  return (
    path !== '' && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\:]/.test(part))
  );
}

function comparePaths(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface FoundFile {
  readonly path: string;
  readonly sizeBytes: number;
}

async function listFiles(folder: string): Promise<FoundFile[]> {
  const files: FoundFile[] = [];
  await walk(folder, '', new Set(), files);
  return files.sort((a, b) => comparePaths(a.path, b.path));
}

/** `seen` holds the real paths of the folders listed so far: links to them are left out, so that none goes round. */
async function walk(folder: string, prefix: string, seen: Set<string>, files: FoundFile[]): Promise<void> {
  const { real, names } = await openFolder(folder);
  if (seen.has(real)) return;
  seen.add(real);
  for (const name of names) {
    if (name.startsWith('.')) continue;
    const path = `${prefix}${name}`;
    if (path === manifestFileName) continue;
    // A link to nothing counts as absent.
    const stats = await stat(join(folder, name)).catch(() => undefined);
    if (stats?.isDirectory()) await walk(join(folder, name), `${path}/`, seen, files);
    else if (stats?.isFile()) files.push({ path, sizeBytes: stats.size });
  }
}

async function openFolder(folder: string): Promise<{ real: string; names: string[] }> {
  try {
    return { real: await realpath(folder), names: await readdir(folder) };
  } catch (cause) {
    const message = `${folder} cannot be listed: ${(cause as Error).message}. The folder of a model is expected.`;
    throw new DiffusionError('checkpoint_not_found', message, { details: { folder }, cause });
  }
}

type Reporter = (path: string, bytes: number) => void;

function createReporter(totalBytes: number, { onProgress }: ManifestOptions): Reporter {
  let doneBytes = 0;
  return (path, bytes) => {
    doneBytes += bytes;
    onProgress?.({ path, doneBytes, totalBytes });
  };
}

async function hashFile(
  file: string,
  path: string,
  report: Reporter,
  signal: AbortSignal | undefined,
): Promise<string> {
  throwIfCancelled(signal, 'Hashing');
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024, ...(signal && { signal }) })) {
      hash.update(chunk);
      report(path, chunk.length);
    }
  } catch (cause) {
    throwIfCancelled(signal, 'Hashing');
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause; // from onProgress
    const message = `${file} cannot be read: ${(cause as Error).message}.`;
    throw new DiffusionError('checkpoint_file_unreadable', message, { details: { file }, cause });
  }
  report(path, 0);
  return hash.digest('hex');
}
