import { z } from 'zod';
import { invalid, type LoraSource } from './lora-plan.ts';

/** Factor of a product, from the alpha stored beside it (undefined when there is none). */
export type LoraScale = (source: LoraSource, alpha: number | undefined) => number;

/**
 * How a file scales its products. LoRA: alpha / rank, or 1 without alpha; the adapter configuration of PEFT, where the
 * file carries it, goes before. LoKr: alpha / (inner width of a split side), or 1 when both sides are whole.
 * @throws DiffusionError `lora_invalid` when the configuration is not what PEFT writes
 */
export function loraScale(file: string, metadata: Readonly<Record<string, string>>): LoraScale {
  const text = metadata['lora_adapter_metadata'];
  const config = text === undefined ? undefined : parseConfig(file, text);
  return (source, alpha) => {
    if (source.kind === 'lokr') return lokrScale(source, alpha);
    if (config === undefined) return alpha === undefined ? 1 : alpha / source.rank;
    const own = alphaOf(config, source) ?? alpha ?? source.rank;
    return own / (config.use_rslora ? Math.sqrt(source.rank) : source.rank);
  };
}

const configSchema = z.looseObject({
  lora_alpha: z.number().optional(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
  use_rslora: z.boolean().nullish(),
});

type AdapterConfig = z.infer<typeof configSchema>;

/** Keys may carry the name of the model part: `transformer.lora_alpha`. */
function parseConfig(file: string, text: string): AdapterConfig {
  try {
    const raw = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
    return configSchema.parse(
      Object.fromEntries(Object.entries(raw).map(([key, value]) => [key.replace(/^transformer\./, ''), value])),
    );
  } catch (cause) {
    const what = 'has a "lora_adapter_metadata" that is not the adapter configuration of PEFT as JSON.';
    throw invalid(file, what, { reason: (cause as Error).message }, cause);
  }
}

/** A pattern names a layer or the end of its name; the first that fits counts. */
function alphaOf(config: AdapterConfig, source: LoraSource): number | undefined {
  const names = [source.layer, ...source.provides.map(({ name }) => name)];
  const patterns = Object.entries(config.alpha_pattern ?? {});
  const found = patterns.find(([pattern]) => {
    const isAnchored = pattern.startsWith('^');
    const end = pattern.replace(/^\^/, '').replace(/\$$/, '').replaceAll('\\.', '.');
    return names.some((name) => name === end || (!isAnchored && name.endsWith(`.${end}`)));
  });
  return found?.[1] ?? config.lora_alpha;
}

function lokrScale({ parts }: LoraSource, alpha: number | undefined): number {
  const width = parts.get('w2_b')?.shape[0] ?? parts.get('w1_b')?.shape[0];
  return alpha === undefined || width === undefined ? 1 : alpha / width;
}
