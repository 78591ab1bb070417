import { LIMITS, type Model, type ModelMemory, type ModelVariant } from '@imagemill/api';
import type { HeldModel } from '../../application/engine-port.ts';
import type { ModelEntry } from '../../application/ports.ts';
import { type ModelFacts, type Precision, variantName } from '../../domain/model.ts';
import { presentNotice } from './present-notice.ts';

/** The models as the API shows them. @param held what is in the memory of the engines */
export function presentModels(entries: readonly ModelEntry[], held: readonly HeldModel[]): Model[] {
  const defaultEntry = entries.find((entry) => entry.kind === 'usable');
  return entries.map((entry): Model => {
    if (entry.kind === 'unusable') {
      return {
        ...UNKNOWN_MODEL,
        ...limits,
        name: entry.name,
        state: 'unusable',
        problem: presentNotice(entry.problem),
      };
    }
    const { path: _path, precisions, grain, ...facts } = entry.facts;
    const own = find(held, entry.facts, precisions[0]?.precision);
    const memory = memoryOf(own, precisions[0]?.bytes ?? 0);
    const state = own === undefined || own.state === 'failed' ? 'available' : own.state;
    const isDefault = entry === defaultEntry;
    const variants = variantsOf(entry.facts, held);
    return { ...facts, ...limits, ...memory, grain, minSide: grain, state, isDefault, precisions: variants };
  });
}

function variantsOf(facts: ModelFacts, held: readonly HeldModel[]): ModelVariant[] {
  return facts.precisions.map(({ precision, bytes }, index) => {
    const own = find(held, facts, precision);
    return {
      name: variantName(facts.name, precision),
      precision,
      isDefault: index === 0,
      state: own?.state ?? 'unloaded',
      problem: own?.problem && presentNotice(own.problem),
      ...memoryOf(own, bytes),
    };
  });
}

function find(
  held: readonly HeldModel[],
  { path }: ModelFacts,
  precision: Precision | undefined,
): HeldModel | undefined {
  return held.find((model) => model.modelPath === path && model.precision === precision);
}

function memoryOf(held: HeldModel | undefined, predictedBytes: number): ModelMemory {
  if (held?.state !== 'loaded') return { bytes: predictedBytes, pinned: (held?.users ?? 0) > 0 };
  return { bytes: held.bytes, pinned: held.users > 0, lastUsedAt: new Date(held.lastUsedAt).toISOString() };
}

const limits = {
  maxSteps: LIMITS.steps,
  maxCount: LIMITS.count,
  maxGuidanceScale: LIMITS.guidanceScale,
  maxPromptLength: LIMITS.promptLength,
};

/** What is said of a model whose files cannot be read: sizes of the family, so that forms still work. */
const UNKNOWN_MODEL = {
  family: 'unknown',
  isDefault: false,
  nativeWidth: 1024,
  nativeHeight: 1024,
  grain: 16,
  minSide: 16,
  maxSide: 1024,
  maxPixels: 1024 ** 2,
  defaultSteps: 8,
  defaultGuidanceScale: 0,
  bytes: 0,
  pinned: false,
  precisions: [],
} as const;
