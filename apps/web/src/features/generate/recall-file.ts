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
  const hasModel = model !== undefined && models.some(({ name }) => name === model);
  const usable = settings.loras.filter(({ name }) => loras.some((lora) => lora.name === name));
  const missing = [
    ...(model !== undefined && !hasModel ? [model] : []),
    ...settings.loras.filter((lora) => !usable.includes(lora)).map(({ name }) => name),
  ];
  const told = {
    ...{ seed: wholeSeed(seed), steps, width, height },
    guidanceScale: hasModel ? guidanceScale : undefined,
    model: hasModel ? model : undefined,
  };
  const change = {
    ...{ prompt, negativePrompt, isNegativePromptShown: negativePrompt !== '' && (guidanceScale ?? 1) > 0 },
    ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)),
    loras: usable.map(({ name, strength }) => ({ name, strength })),
    count: 1,
    template: undefined,
  };
  return { origin, change, missing };
}

/** Other programs write −1 for a random seed. */
function wholeSeed(seed: number | undefined): number | undefined {
  return seed !== undefined && Number.isSafeInteger(seed) && seed >= 0 ? seed : undefined;
}
