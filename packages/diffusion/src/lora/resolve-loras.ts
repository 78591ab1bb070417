import { DiffusionError } from '../errors.ts';
import type { LinearWidths } from '../families/z-image/lora-names.ts';
import type { AppliedLora } from './lora-batch.ts';
import type { LoraCache } from './lora-cache.ts';
import { requireCompatible } from './read-lora.ts';

/** An adapter that a picture asks for. */
export interface LoraChoice {
  /** Path of a safetensors file. */
  readonly adapter: string;
  /** 1 as trained, 0 not at all, negative the other way. */
  readonly strength: number;
}

/**
 * Loads the adapters of a picture, or takes them from the cache. Those of strength 0 are checked and left out.
 * @param modules layers of the model, see `loraModules`
 * @throws DiffusionError `option_invalid`, `lora_incompatible`, and those of `LoraCache.get`
 */
export async function resolveLoras(
  choices: readonly LoraChoice[],
  cache: LoraCache,
  modules: ReadonlyMap<string, LinearWidths>,
): Promise<AppliedLora[]> {
  const applied: AppliedLora[] = [];
  for (const [at, { adapter: path, strength }] of choices.entries()) {
    if (!Number.isFinite(strength)) {
      const message = `loras.${at}.strength is ${strength}; a finite number is expected.`;
      throw new DiffusionError('option_invalid', message, { details: { option: `loras.${at}.strength` } });
    }
    const adapter = await cache.get(path);
    requireCompatible(adapter, modules);
    if (strength !== 0) applied.push({ adapter, strength });
  }
  return applied;
}
