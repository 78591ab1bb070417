import type { Inspection, Lora, Model, PictureOrigin } from '@imagemill/api';
import type { Draft } from './draft.ts';

/** What a picture's file tells, as a draft takes it over. */
export interface RecalledFile {
  readonly origin: PictureOrigin;
  /** Absent when the file tells nothing that could be drawn with. */
  readonly change?: Partial<Draft> | undefined;
  /** Names of models and adapters that this server does not have; the draft goes without them. */
  readonly missing: readonly string[];
}

interface Library {
  readonly models: readonly Pick<Model, 'name'>[];
  readonly loras: readonly Pick<Lora, 'name'>[];
}

/** Reads settings of this program or of another one; what the file does not tell stays as it is in the draft. */
export function recalledFile({ origin, settings }: Inspection, { models, loras }: Library): RecalledFile {
  if (settings === undefined || settings.prompt.trim() === '') return { origin, missing: [] };
  const { prompt, negativePrompt, seed, steps, width, height, guidanceScale, model } = settings;
  const known = model === undefined ? undefined : sameIn(models, model);
  const usable = settings.loras.flatMap(({ name, strength }) => {
    const found = sameIn(loras, name);
    return found === undefined ? [] : [{ name: found, strength }];
  });
  const missing = [
    ...(model !== undefined && known === undefined ? [model] : []),
    ...settings.loras.map(({ name }) => name).filter((name) => sameIn(loras, name) === undefined),
  ];
  const told = {
    ...{ seed: wholeSeed(seed), steps, width, height },
    guidanceScale: known === undefined ? undefined : guidanceScale,
    model: known,
  };
  const change = {
    ...{ prompt, negativePrompt, isNegativePromptShown: negativePrompt !== '' && (guidanceScale ?? 1) > 0 },
    ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)),
    loras: usable,
    count: 1,
    template: undefined,
  };
  return { origin, change, missing };
}

/** The name that this server has a thing under: others write the name of its file, some with its folder. */
function sameIn(things: readonly { readonly name: string }[], written: string): string | undefined {
  const bare = written.replace(/^.*[/\\]/, '').replace(/\.(safetensors|ckpt|pt|gguf|sft)$/i, '');
  return things.find(({ name }) => name === written || name === bare)?.name;
}

/** Other programs write −1 for a random seed. */
function wholeSeed(seed: number | undefined): number | undefined {
  return seed !== undefined && Number.isSafeInteger(seed) && seed >= 0 ? seed : undefined;
}
