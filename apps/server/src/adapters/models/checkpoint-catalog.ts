import { DiffusionError } from '@imagemill/diffusion';
import type { ModelCatalog, ModelEntry } from '../../application/ports.ts';
import { type Notice, noticeOf } from '../../domain/notice.ts';
import { type ModelToRead, type ReadFactsOptions, readModelFacts } from './read-model-facts.ts';

/** Reads the configuration of every model once. A model that cannot be read is listed with the reason. */
export async function createCheckpointCatalog(
  models: readonly ModelToRead[],
  options: ReadFactsOptions,
): Promise<ModelCatalog> {
  const entries = await Promise.all(models.map((model) => describe(model, options)));
  return { list: () => entries };
}

async function describe(model: ModelToRead, options: ReadFactsOptions): Promise<ModelEntry> {
  try {
    return { kind: 'usable', facts: await readModelFacts(model, options) };
  } catch (error) {
    return { kind: 'unusable', name: model.name, path: model.path, problem: problemOf(error) };
  }
}

function problemOf(error: unknown): Notice {
  if (error instanceof DiffusionError) return noticeOf(error);
  return { code: 'model_unusable', message: error instanceof Error ? error.message : String(error) };
}
