import { readFile } from 'node:fs/promises';
import {
  DiffusionError,
  type LinearWidths,
  loraModules,
  openCheckpoint,
  readLora,
  requireCompatible,
} from '@imagemill/diffusion';
import { z } from 'zod';
import type { ModelCatalog } from '../../application/ports.ts';
import type { LoraContent } from '../../domain/lora.ts';
import { type Notice, noticeOf } from '../../domain/notice.ts';

/** Tells which models an adapter fits; the layers of a model are read once. */
export type FindFits = (lora: Parameters<typeof requireCompatible>[0]) => Promise<readonly string[]>;

export function createFindFits(models: ModelCatalog): FindFits {
  const layers = new Map<string, Promise<ReadonlyMap<string, LinearWidths> | undefined>>();
  const layersOf = (path: string): Promise<ReadonlyMap<string, LinearWidths> | undefined> => {
    const known =
      layers.get(path) ??
      openCheckpoint(path).then(
        ({ transformer }) => loraModules(transformer.config),
        () => undefined,
      );
    layers.set(path, known);
    return known;
  };
  return async (lora) => {
    const fits: string[] = [];
    for (const entry of models.list()) {
      if (entry.kind === 'unusable') continue;
      const expected = await layersOf(entry.facts.path);
      if (expected !== undefined && isCompatible(lora, expected)) fits.push(entry.facts.name);
    }
    return fits;
  };
}

function isCompatible(lora: Parameters<FindFits>[0], expected: ReadonlyMap<string, LinearWidths>): boolean {
  try {
    requireCompatible(lora, expected);
    return true;
  } catch {
    return false;
  }
}

/** Reads an adapter as far as one must to know what it is. Whatever is wrong with it is told, never thrown. */
export async function readLoraContent(path: string, findFits: FindFits): Promise<LoraContent> {
  try {
    const lora = await readLora(path);
    const notes = { ...notesOf(lora.metadata), ...(await readSidecar(path)) };
    return {
      kind: 'usable',
      sha256: await lora.sha256(),
      rank: Math.max(...[...lora.modules.values()].map(({ rank }) => rank)),
      layers: lora.modules.size,
      models: await findFits(lora),
      description: notes.description,
      triggerWords: notes.triggerWords ?? [],
      warnings: lora.warnings,
    };
  } catch (error) {
    return { kind: 'unusable', problem: problemOf(error) };
  }
}

function problemOf(error: unknown): Notice {
  if (error instanceof DiffusionError) return noticeOf(error);
  return { code: 'lora_rejected', message: error instanceof Error ? error.message : String(error) };
}

interface Notes {
  readonly description?: string | undefined;
  readonly triggerWords?: readonly string[] | undefined;
}

/** The keys of the ModelSpec standard, which most trainers write. */
function notesOf(metadata: Readonly<Record<string, string>>): Notes {
  const description = metadata['modelspec.description'];
  const words = metadata['modelspec.trigger_phrase'] ?? metadata['trigger_words'];
  const triggerWords = words?.split(',').map((word) => bounded(word.trim(), 200));
  return {
    description: description === undefined ? undefined : bounded(description, 2_000),
    triggerWords: triggerWords?.filter((word) => word !== '').slice(0, 50),
  };
}

const sidecarSchema = z.object({
  description: z.string().max(2_000).optional(),
  triggerWords: z.array(z.string().min(1).max(200)).max(50).optional(),
});

/** `name.json` beside `name.safetensors`, written by people: what does not fit is passed over. */
async function readSidecar(path: string): Promise<Notes> {
  const text = await readFile(path.replace(/\.safetensors$/i, '.json'), 'utf8').catch(() => undefined);
  if (text === undefined || text.length > 100_000) return {};
  try {
    const { success, data } = sidecarSchema.safeParse(JSON.parse(text));
    return success ? JSON.parse(JSON.stringify(data)) : {};
  } catch {
    return {};
  }
}

function bounded(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
