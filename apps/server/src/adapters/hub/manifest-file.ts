import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createManifest,
  DiffusionError,
  type Manifest,
  type ManifestProblem,
  readManifest,
  verifyManifest,
  writeManifest,
} from '@imagemill/diffusion';
import { z } from 'zod';
import { ModelError } from '../../application/model-errors.ts';
import type { ByteProgress, FileFault, ModelOrigin } from '../../application/model-ports.ts';
import { hasErrorCode, toWriteError } from './file-errors.ts';

/** The manifest of a model folder; undefined when it has none. @throws ModelError `manifest_damaged` */
export async function findManifest(folder: string): Promise<Manifest | undefined> {
  try {
    return await readManifest(folder);
  } catch (error) {
    if (!(error instanceof DiffusionError)) throw error;
    if (error.code === 'checkpoint_file_missing') return undefined;
    const message = `The manifest of ${folder} cannot be understood: pull the model again, or delete imagemill.manifest.json. ${error.message}`;
    throw new ModelError('manifest_damaged', message, { details: { folder }, cause: error });
  }
}

/** Writes the manifest and, beside it, where the model came from. */
export async function writeManifestAndOrigin(folder: string, manifest: Manifest, origin: ModelOrigin): Promise<void> {
  await writeFile(join(folder, ORIGIN_NAME), `${JSON.stringify(origin, undefined, 2)}\n`);
  await writeManifest(folder, manifest);
}

/** Where a pulled model came from; undefined for a model that was put there by hand. */
export async function findOrigin(folder: string): Promise<ModelOrigin | undefined> {
  try {
    const parsed = originSchema.safeParse(JSON.parse(await readFile(join(folder, ORIGIN_NAME), 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/**
 * Hashes the files of a manifest. Of the files that it does not list, only weights count as a fault: they might be
 * loaded, whereas a note or a picture beside the model does no harm.
 *
 * @throws ModelError `cancelled`; DiffusionError `checkpoint_file_unreadable`
 */
export async function checkFolder(
  folder: string,
  manifest: Manifest,
  onBytes: ByteProgress,
  signal: AbortSignal,
): Promise<{ readonly faults: readonly FileFault[]; readonly bytesChecked: number }> {
  let bytesChecked = 0;
  const count = (delta: number): void => {
    bytesChecked += delta;
    onBytes(delta);
  };
  const problems = await hashing(() => verifyManifest(folder, manifest, { onProgress: deltas(count), signal }));
  const faults = problems.filter(({ kind, path }) => kind !== 'surplus' || path.endsWith('.safetensors')).map(toFault);
  return { faults, bytesChecked };
}

/**
 * Writes a manifest of the folder as it is.
 *
 * @throws ModelError `cancelled`, `folder_unwritable`, `disk_full`; DiffusionError `checkpoint_file_unreadable`
 */
export async function recordManifest(folder: string, onBytes: ByteProgress, signal: AbortSignal): Promise<Manifest> {
  const manifest = await hashing(() => createManifest(folder, { onProgress: deltas(onBytes), signal }));
  try {
    await writeManifest(folder, manifest);
  } catch (error) {
    throw toWriteError(error, folder);
  }
  return manifest;
}

async function hashing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DiffusionError && error.code === 'cancelled')) throw error;
    throw new ModelError('cancelled', 'Hashing was stopped.', { cause: error });
  }
}

/** Differences of a running total. */
function deltas(onBytes: ByteProgress): (progress: { readonly doneBytes: number }) => void {
  let before = 0;
  return ({ doneBytes }) => {
    onBytes(doneBytes - before);
    before = doneBytes;
  };
}

/** Hidden, so that the manifest leaves it out: it tells of the model and is no part of it. */
export const ORIGIN_NAME = '.imagemill-origin.json';

const originSchema = z.object({
  source: z.enum(['huggingface', 'modelscope']),
  endpoint: z.string(),
  repository: z.string(),
  revision: z.string(),
});

function toFault(problem: ManifestProblem): FileFault {
  switch (problem.kind) {
    case 'missing':
      return { path: problem.path, fault: 'missing', expected: 'the file', got: 'no file' };
    case 'surplus':
      return { path: problem.path, fault: 'surplus', expected: 'no such file', got: 'a file' };
    case 'size':
      return {
        path: problem.path,
        fault: 'size',
        expected: `${problem.expected} bytes`,
        got: `${problem.found} bytes`,
      };
    case 'hash':
      return { path: problem.path, fault: 'hash', expected: problem.expected, got: problem.found };
  }
}
