/**
 * An engine whose pictures hold something. A picture with values that are no numbers, or of one colour, is drawn once
 * more in the next precision that the device offers for the model:
 *
 * - that one is sound: it is given, with a warning on the job, and the first precision is not used for the model any
 *   more while the process lives;
 * - both are of one colour: that is what was asked for, and the first one is given;
 * - there is no other precision, or that one gives no numbers either: the picture is drawn by the next execution
 *   provider, which is the CPU for a card. When that one is sound it is given, with a warning, and draws all pictures of
 *   the model from then on while the process lives; when it is of one colour too, the first one is given;
 * - there is no other provider: the outcome is given as it is, and the retry of the job decides.
 */
import type { Precision } from '../domain/model.ts';
import type { Warning } from '../domain/warning.ts';
import type { DrawingEngine, EngineItem, ModelChoice } from './engine-port.ts';
import { createNextProvider, type NextProviderOptions } from './next-provider.ts';
import type { ModelCatalog } from './ports.ts';
import { problemOf, withWarning } from './unsound-picture.ts';

export interface SoundEngineOptions extends NextProviderOptions {
  readonly engine: DrawingEngine;
  readonly models: ModelCatalog;
  /** Told of a model whose pictures are unsound: its weights may be damaged. */
  readonly onDoubt: (modelPath: string) => void;
}

export function createSoundEngine(options: SoundEngineOptions): DrawingEngine {
  const { engine, models, incidents, onDoubt } = options;
  const next = createNextProvider(options);
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
      const elsewhere = next.draw(asked, observer);
      if (elsewhere !== undefined) return elsewhere;
      const precision = trusted(asked);
      const first = await engine.draw({ ...asked, precision }, observer);
      const problem = problemOf(first);
      const used: ModelChoice = { modelPath: asked.modelPath, precision };
      if (problem === undefined) return withWarning(first, precisionWarning(asked, used));
      onDoubt(asked.modelPath);
      const bad = new Set([
        ...(distrusted.get(asked.modelPath) ?? []),
        ...(precision === undefined ? [] : [precision]),
      ]);
      const better = precision === undefined ? undefined : nextOf(models, asked.modelPath, precision, bad);
      if (precision === undefined || better === undefined)
        return (await next.tryOnce(asked, observer, problem)) ?? first;
      const second = await engine.draw({ ...asked, precision: better }, observer);
      if (second.kind === 'cancelled') return second;
      if (second.kind === 'failed') return (await next.tryOnce(asked, observer, problem)) ?? first;
      if (problemOf(second) !== undefined) return first;
      distrusted.set(asked.modelPath, bad);
      incidents.add({
        kind: 'picture_unsound',
        message: `A picture in the precision ${precision} ${problem}, the same one in ${better} did not.`,
        action: `The picture in ${better} was kept, and ${precision} is not used for this model until the next start.`,
        details: sizeOf(asked, precision, better),
      });
      return withWarning(second, precisionWarning(asked, { modelPath: asked.modelPath, precision: better }));
    },
    cancel(id) {
      if (!next.cancel(id)) engine.cancel(id);
    },
    load: (model) => engine.load({ ...model, precision: trusted(model) }),
    unload: (model) => engine.unload(model),
    onChange: (listener) => engine.onChange(listener),
  };
}

function precisionWarning(asked: ModelChoice, used: ModelChoice): Warning | undefined {
  if (asked.precision === used.precision) return undefined;
  const message = `Drawn in the precision ${used.precision} in place of ${asked.precision}, whose pictures were unsound.`;
  return { code: 'precision_changed', message };
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
