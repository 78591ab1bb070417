import type { Warning } from '../domain/warning.ts';
import type { DrawingEngine, DrawObserver, DrawOutcome, EngineItem } from './engine-port.ts';
import type { IncidentBook } from './incidents.ts';
import { problemOf, withWarning } from './unsound-picture.ts';

export interface NextProviderOptions {
  readonly engine: Pick<DrawingEngine, 'status'>;
  readonly incidents: IncidentBook;
  /**
   * The engine of the next execution provider, ready to draw; it is started when it is asked for. Undefined when there
   * is none, or it does not start.
   */
  readonly nextProvider?: (() => Promise<DrawingEngine | undefined>) | undefined;
}

/** Draws with the next execution provider what the first one cannot. */
export interface NextProvider {
  /** Draws a picture of a model that was moved there; undefined for every other. */
  draw(item: EngineItem, observer: DrawObserver): Promise<DrawOutcome> | undefined;
  /**
   * Draws a picture whose first outcome has a problem; when it is sound here, its model is moved.
   * @returns undefined when there is no other provider, or its picture is no better
   */
  tryOnce(item: EngineItem, observer: DrawObserver, problem: string): Promise<DrawOutcome | undefined>;
  /** @returns whether the picture is under way here */
  cancel(id: string): boolean;
}

export function createNextProvider({ engine, incidents, nextProvider }: NextProviderOptions): NextProvider {
  /** By the path of the model. */
  const moved = new Map<string, DrawingEngine>();
  const underWay = new Map<string, DrawingEngine>();
  const drawWith = async (other: DrawingEngine, item: EngineItem, observer: DrawObserver): Promise<DrawOutcome> => {
    underWay.set(item.id, other);
    try {
      const outcome = await other.draw(item, observer);
      return withWarning(outcome, warningOf(engine.status.executionProvider, other.status.executionProvider));
    } finally {
      underWay.delete(item.id);
    }
  };
  return {
    draw(item, observer) {
      const other = moved.get(item.modelPath);
      return other === undefined ? undefined : drawWith(other, item, observer);
    },
    async tryOnce(item, observer, problem) {
      const other = await nextProvider?.();
      if (other === undefined) return undefined;
      const outcome = await drawWith(other, item, observer);
      if (outcome.kind === 'cancelled') return outcome;
      if (outcome.kind !== 'finished' || problemOf(outcome) !== undefined) return undefined;
      moved.set(item.modelPath, other);
      const [from, to] = [engine.status.executionProvider, other.status.executionProvider];
      incidents.add({
        kind: 'picture_unsound',
        message: `A picture by the execution provider ${from} ${problem}, the same one by ${to} did not.`,
        action: `The picture by ${to} was kept, which draws this model from now on, more slowly, until the next start.`,
        details: { width: item.width, height: item.height, steps: item.steps, from, to },
      });
      return outcome;
    },
    cancel(id) {
      const other = underWay.get(id);
      other?.cancel(id);
      return other !== undefined;
    },
  };
}

function warningOf(from: string | undefined, to: string | undefined): Warning {
  const message = `Drawn by the execution provider ${to} in place of ${from}, whose pictures were unsound.`;
  return { code: 'provider_changed', message };
}
