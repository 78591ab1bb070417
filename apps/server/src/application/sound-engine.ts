/**
 * An engine whose pictures hold something. A picture with values that are no numbers, or of one colour, is drawn once
 * more in the next precision that the device offers for the model:
 *
 * - that one is sound: it is given, with a warning on the job, and the first precision is not used for the model any
 *   more while the process lives;
 * - both are of one colour: that is what was asked for, and the first one is given;
 * - there is no other precision: the outcome is given as it is, and the retry of the job decides.
 */
import type { Precision } from '../domain/model.ts';
import type { DrawingEngine, DrawOutcome, EngineItem, ModelChoice } from './engine-port.ts';
import type { IncidentBook } from './incidents.ts';
import type { ModelCatalog } from './ports.ts';

export interface SoundEngineOptions {
  readonly engine: DrawingEngine;
  readonly models: ModelCatalog;
  readonly incidents: IncidentBook;
  /** Told of a model whose pictures are unsound: its weights may be damaged. */
  readonly onDoubt: (modelPath: string) => void;
}

export function createSoundEngine({ engine, models, incidents, onDoubt }: SoundEngineOptions): DrawingEngine {
  /** Precisions that gave unsound pictures, by the path of the model. */
  const distrusted = new Map<string, Set<Precision>>();

  const trusted = ({ modelPath, precision }: ModelChoice): Precision | undefined => {
    const bad = distrusted.get(modelPath);
    if (precision === undefined || bad?.has(precision) !== true) return precision;
    return nextOf(models, modelPath, precision, bad) ?? precision;
  };

  return {
    get status() {
      return engine.status;
    },
    async draw(asked, observer) {
      const precision = trusted(asked);
      const first = await engine.draw({ ...asked, precision }, observer);
      const problem = problemOf(first);
      const used: ModelChoice = { modelPath: asked.modelPath, precision };
      if (problem === undefined) return withWarning(first, asked, used);
      onDoubt(asked.modelPath);
      const bad = new Set([
        ...(distrusted.get(asked.modelPath) ?? []),
        ...(precision === undefined ? [] : [precision]),
      ]);
      const next = precision === undefined ? undefined : nextOf(models, asked.modelPath, precision, bad);
      if (precision === undefined || next === undefined) return first;
      const second = await engine.draw({ ...asked, precision: next }, observer);
      if (problemOf(second) !== undefined || second.kind !== 'finished')
        return second.kind === 'cancelled' ? second : first;
      distrusted.set(asked.modelPath, bad);
      incidents.add({
        kind: 'picture_unsound',
        message: `A picture in the precision ${precision} ${problem}, the same one in ${next} did not.`,
        action: `The picture in ${next} was kept, and ${precision} is not used for this model until the next start.`,
        details: sizeOf(asked, precision, next),
      });
      return withWarning(second, asked, { modelPath: asked.modelPath, precision: next });
    },
    cancel: (id) => engine.cancel(id),
    load: (model) => engine.load({ ...model, precision: trusted(model) }),
    unload: (model) => engine.unload(model),
    onChange: (listener) => engine.onChange(listener),
  };
}

/** What is wrong with a picture; undefined for one that holds something, and for every other outcome. */
function problemOf(outcome: DrawOutcome): string | undefined {
  if (outcome.kind === 'failed') return outcome.fault.code === 'picture_invalid' ? 'held no numbers' : undefined;
  if (outcome.kind !== 'finished') return undefined;
  const { measures } = outcome.picture;
  return measures !== undefined && measures.spread < BLANK_SPREAD ? 'was of one colour' : undefined;
}

function withWarning(outcome: DrawOutcome, asked: ModelChoice, used: ModelChoice): DrawOutcome {
  if (outcome.kind !== 'finished' || asked.precision === used.precision) return outcome;
  const message = `Drawn in the precision ${used.precision} in place of ${asked.precision}, whose pictures were unsound.`;
  const warnings = [...(outcome.picture.warnings ?? []), { code: 'precision_changed', message }];
  return { kind: 'finished', picture: { ...outcome.picture, warnings } };
}

/** The first precision offered for the model that is not among the bad ones. */
function nextOf(
  models: ModelCatalog,
  modelPath: string,
  not: Precision,
  bad: ReadonlySet<Precision>,
): Precision | undefined {
  const entry = models.list().find((one) => one.kind === 'usable' && one.facts.path === modelPath);
  if (entry?.kind !== 'usable') return undefined;
  // Exact ways first: a precision that rounds is the likelier culprit.
  const offered = entry.facts.precisions.map((one) => one.precision).filter((one) => one !== not && !bad.has(one));
  return exactFirst.find((one) => offered.includes(one));
}

function sizeOf({ width, height, steps }: EngineItem, from: Precision, to: Precision): Record<string, unknown> {
  return { width, height, steps, from, to };
}

const exactFirst: readonly Precision[] = ['packed', 'mapped', 'fp16', 'w8a8'];
/** Below this standard deviation of every channel a picture is of one colour; a real one is far above. */
const BLANK_SPREAD = 0.5;
