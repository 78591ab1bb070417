import { createHash } from 'node:crypto';
import { lstat, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DiffusionError } from '../errors.ts';
import { readSafetensorsHeader, type TensorRef } from './safetensors.ts';
import type { TensorPlan } from './safetensors-writer.ts';
import type { Weights } from './weights.ts';

/**
 * Files of converted weights. A file belongs to one component of one checkpoint folder in one mode, so a checkpoint that
 * changes leaves no orphan behind; its metadata names the state of the sources that it was made from.
 */
export function cacheFile(cacheDir: string, weights: Weights, mode: string): string {
  const folder = createHash('sha256').update(weights.folder).digest('hex').slice(0, 16);
  return join(cacheDir, `${folder}-${weights.component}-${mode}.safetensors`);
}

/** Raise when the meaning of converted numbers changes, so that older files are made anew. */
const formatVersion = 1;

/** Names the state of the files that the tensors lie in, and what is made of them. */
export async function sourceIdentity(refs: readonly TensorRef[], plans: readonly TensorPlan[]): Promise<string> {
  const files = [...new Set(refs.map((ref) => ref.file))].sort();
  const states = await Promise.all(
    files.map(async (file) => {
      const { size, mtimeNs } = await stat(file, { bigint: true });
      return [file, String(size), String(mtimeNs)];
    }),
  );
  return createHash('sha256')
    .update(JSON.stringify([formatVersion, states, plans]))
    .digest('hex');
}

/** The tensors of a whole cache file of this identity; undefined when there is none, or one that is stale or damaged. */
export async function findCached(file: string, identity: string): Promise<ReadonlyMap<string, TensorRef> | undefined> {
  try {
    const { metadata, tensors } = await readSafetensorsHeader(file);
    return metadata['identity'] === identity ? tensors : undefined;
  } catch (error) {
    if (error instanceof DiffusionError) return undefined;
    throw error;
  }
}

/** Removes what conversions to this file left when their process was killed. */
export async function removeAbandoned(file: string): Promise<void> {
  const folder = dirname(file);
  const entries = await readdir(folder).catch(() => []);
  for (const entry of entries) {
    if (!entry.startsWith(`${basename(file)}.`) || !entry.endsWith('.partial')) continue;
    const path = join(folder, entry);
    const written = await lstat(path).catch(() => undefined);
    if (written !== undefined && Date.now() - written.mtimeMs > abandonedAfterMs) await rm(path, { force: true });
  }
}

/** A conversion under way writes every second; the process number in the name means nothing on a shared folder. */
const abandonedAfterMs = 10 * 60_000;
