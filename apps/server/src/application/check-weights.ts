import type { IncidentBook } from './incidents.ts';
import type { ModelStore } from './model-ports.ts';
import type { Logger } from './ports.ts';

export interface CheckWeightsPorts {
  readonly store: Pick<ModelStore, 'find' | 'verify'>;
  /** Puts damaged files aside, so that nothing draws with them. @returns where to */
  readonly quarantine: (modelPath: string, files: readonly string[]) => Promise<string>;
  /** Fetches what is missing; undefined where the settings do not allow it. */
  readonly pull: ((modelPath: string, signal: AbortSignal) => Promise<void>) | undefined;
  readonly incidents: IncidentBook;
  readonly log: Logger;
  readonly now: () => number;
}

/**
 * Looks whether the files of a model are what its manifest says, when something makes that doubtful: it could not be
 * loaded, or gave unsound pictures. Each model once in ten minutes, one at a time.
 */
export class WeightsCheck {
  readonly #ports: CheckWeightsPorts;
  readonly #checkedAt = new Map<string, number>();
  readonly #stop = new AbortController();
  #working: Promise<void> = Promise.resolve();

  constructor(ports: CheckWeightsPorts) {
    this.#ports = ports;
  }

  /** Whether files that were put aside are fetched again. */
  get canMend(): boolean {
    return this.#ports.pull !== undefined;
  }

  /** Something makes the files of a model doubtful. Returns at once. */
  doubt(modelPath: string): void {
    const now = this.#ports.now();
    const last = this.#checkedAt.get(modelPath);
    if (this.#stop.signal.aborted || (last !== undefined && now - last < AGAIN_MS)) return;
    this.#checkedAt.set(modelPath, now);
    this.#working = this.#working
      .then(() => this.#check(modelPath))
      .catch((err: unknown) => {
        if (!this.#stop.signal.aborted)
          this.#ports.log.warn({ err, modelPath }, 'the files of a model could not be checked');
      });
  }

  /** Resolves when what is doubted now was looked at. */
  settled(): Promise<void> {
    return this.#working;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#working;
  }

  async #check(modelPath: string): Promise<void> {
    const { store, quarantine, pull, incidents, log } = this.#ports;
    const model = await store.find(modelPath);
    const { faults } = await store.verify(model, () => undefined, this.#stop.signal);
    if (faults.length === 0) {
      log.info({ modelPath }, 'the files of a model that was in doubt are as its manifest says');
      return;
    }
    const files = faults.map(({ path }) => path);
    const message = `Files of the model ${model.id} are not what they were: ${files.join(', ')}.`;
    const details = { model: model.id, files, problems: faults.map(({ fault }) => fault) };
    const aside = await quarantine(modelPath, files);
    if (pull === undefined) {
      const action = `They were put into ${aside}. "imagemill models pull ${model.id}" fetches them again.`;
      incidents.add({ kind: 'weights_damaged', message, action, details });
      return;
    }
    await pull(modelPath, this.#stop.signal);
    const action = `They were put into ${aside}, and whole ones were fetched in their place.`;
    incidents.add({ kind: 'weights_damaged', message, action, details });
  }
}

/** Faults of a draw that make the files of the model doubtful. */
export function isDoubtful(code: string): boolean {
  return doubtful.has(code);
}

const doubtful: ReadonlySet<string> = new Set([
  'checkpoint_file_missing',
  'checkpoint_file_unreadable',
  'checkpoint_file_truncated',
  'checkpoint_file_damaged',
  'checkpoint_config_invalid',
  'tensor_missing',
  'tensor_surplus',
  'tensor_shape_mismatch',
]);
const AGAIN_MS = 600_000;
