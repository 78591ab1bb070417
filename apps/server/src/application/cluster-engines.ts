import type { WorkerId } from '../domain/ids.ts';
import type { JobFault } from '../domain/job.ts';
import type { DeviceMemoryFacts, DrawingEngine, EngineStatus, HeldModel, ModelChoice } from './engine-port.ts';
import type { EventBus } from './event-bus.ts';
import { every } from './every.ts';
import { servedNames } from './find-model.ts';
import type { Clock, Logger, ModelCatalog } from './ports.ts';
import { groupModels, type SeenWorker, type WorkerBoard, type WorkerReport } from './worker-board.ts';

export type EngineWithMemory = EngineStatus & { readonly memory?: DeviceMemoryFacts | undefined };

/** The engines that draw what an API process accepts, wherever they are. */
export interface Engines {
  list(): readonly EngineWithMemory[];
  /** Those that were heard of in the last ten minutes, the oldest first. */
  workers(): Promise<readonly SeenWorker[]>;
  /** Whether any of them can draw the model. @default yes */
  serves?(model: string): boolean;
  /** What loads and unloads models in all of them. */
  readonly models: Pick<DrawingEngine, 'status' | 'load' | 'unload'>;
}

/** The one engine of a process that serves alone. */
export function ownEngine(
  engine: Pick<DrawingEngine, 'status' | 'load' | 'unload'>,
  memoryOf: (device: string) => DeviceMemoryFacts | undefined,
  who: Pick<WorkerReport, 'id' | 'host' | 'pid'> & { readonly clock: Pick<Clock, 'now'> },
): Engines {
  const { clock, ...ids } = who;
  const memory = (): DeviceMemoryFacts | undefined => memoryOf(engine.status.device);
  return {
    list: () => [{ ...engine.status, memory: memory() }],
    workers: async () => [{ ...ids, engine: engine.status, memory: memory(), seenAt: clock.now() }],
    models: engine,
  };
}

export interface ClusterEnginesPorts {
  readonly workers: WorkerBoard;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly models: ModelCatalog;
  readonly log: Logger;
}

/** The engines of the workers of a cluster, as they said a moment ago; orders go to all of them. */
export class ClusterEngines implements Engines {
  readonly models: Pick<DrawingEngine, 'status' | 'load' | 'unload'>;
  readonly #ports: ClusterEnginesPorts;
  readonly #stop: () => void;
  #known: readonly EngineWithMemory[] = [];
  #groups: ReadonlyMap<string, string> | undefined;

  constructor(ports: ClusterEnginesPorts) {
    this.#ports = ports;
    const onError = (err: unknown): void => ports.log.debug({ err }, 'looking for workers failed');
    this.#stop = every(ports.clock, LOOK_MS, () => this.look(), onError);
    const status = (): EngineStatus => this.#together();
    this.models = {
      get status() {
        return status();
      },
      load: (model) => this.#order('load', model),
      unload: (model) => this.#unload(model),
    };
  }

  list(): readonly EngineWithMemory[] {
    return this.#known;
  }

  workers(): Promise<readonly SeenWorker[]> {
    return this.#ports.workers.list(this.#ports.clock.now() - SHOWN_MS);
  }

  /** Whether a worker can draw the model, as far as is known. */
  serves(model: string): boolean {
    return this.#groups?.has(model) ?? true;
  }

  async look(): Promise<void> {
    const reports = await this.#ports.workers.list(this.#ports.clock.now() - SILENT_MS);
    this.#groups = groupModels(reports);
    this.#known = reports.map(({ engine, memory }) => ({
      ...engine,
      memory,
      models: engine.models.map((held) => ({ ...held, modelPath: pathOf(this.#ports.models, held.modelPath) })),
    }));
  }

  close(): void {
    this.#stop();
  }

  #together(): EngineStatus {
    const ready = this.#known.find(({ state }) => state === 'ready');
    const models = this.#known.flatMap((engine) => engine.models);
    if (ready !== undefined) return { ...ready, models };
    const problem: JobFault = {
      code: 'engine_unavailable',
      message: 'No worker is ready.',
      details: {},
      retryable: true,
    };
    return { ...NO_ENGINE, problem, models };
  }

  async #unload(choice: ModelChoice): Promise<JobFault | undefined> {
    const isUsed = this.#together().models.some((held) => isSame(held, choice) && held.users > 0);
    if (isUsed) return { code: 'model_in_use', message: 'A worker draws with it.', details: {}, retryable: true };
    return this.#order('unload', choice);
  }

  async #order(order: 'load' | 'unload', { modelPath, precision }: ModelChoice): Promise<undefined> {
    const name = nameOf(this.#ports.models, modelPath);
    if (name !== undefined) this.#ports.bus.publish({ kind: 'model', order, name, precision });
  }
}

export interface ReportWorkerPorts extends ClusterEnginesPorts {
  readonly id: WorkerId;
  readonly host: string;
  readonly pid: number;
  readonly engine: Pick<DrawingEngine, 'status' | 'load' | 'unload' | 'onChange'>;
  readonly memoryOf: (device: string) => DeviceMemoryFacts | undefined;
}

/** Says on the board how a worker does, and follows orders about models. The result ends both. */
export function reportWorker(ports: ReportWorkerPorts): () => Promise<void> {
  const { engine, workers, bus, clock, models, log, memoryOf, id, host, pid } = ports;
  const onError = (err: unknown): void => log.debug({ err }, 'a worker could not say how it does');
  const report = async (): Promise<void> => {
    const { status } = engine;
    const held = status.models.map((one) => ({ ...one, modelPath: nameOf(models, one.modelPath) ?? one.modelPath }));
    const saying: WorkerReport = {
      id,
      host,
      pid,
      engine: { ...status, models: held },
      memory: memoryOf(status.device),
      serves: [...servedNames(models)],
    };
    await workers.report(saying, clock.now());
  };
  let wasReady = false;
  const stopReporting = every(clock, REPORT_MS, report, onError);
  const stopWatching = engine.onChange(({ state }) => {
    if ((state === 'ready') === wasReady) return;
    wasReady = state === 'ready';
    void report().catch(onError);
  });
  void report().catch(onError);
  const stopHearing = bus.subscribe((message) => {
    if (message.kind !== 'model') return;
    const choice = { modelPath: pathOf(models, message.name), precision: message.precision };
    const done = message.order === 'load' ? engine.load(choice) : engine.unload(choice);
    void done.then((fault) => fault && log.warn(fault, `an order to ${message.order} ${message.name} failed`));
  });
  return async () => {
    stopReporting();
    stopWatching();
    stopHearing();
    await workers.remove(id).catch(onError);
  };
}

function nameOf(models: ModelCatalog, path: string): string | undefined {
  const entry = models.list().find((one) => one.kind === 'usable' && one.facts.path === path);
  return entry?.kind === 'usable' ? entry.facts.name : undefined;
}

/** A name that is unknown here stays as it is. */
function pathOf(models: ModelCatalog, name: string): string {
  const entry = models.list().find((one) => one.kind === 'usable' && one.facts.name === name);
  return entry?.kind === 'usable' ? entry.facts.path : name;
}

function isSame(held: HeldModel, { modelPath, precision }: ModelChoice): boolean {
  return held.modelPath === modelPath && held.precision === precision;
}

const NO_ENGINE = {
  state: 'broken',
  device: 'none',
  executionProvider: undefined,
  slots: 0,
  crashes: 0,
  notes: [],
} as const;
const LOOK_MS = 1_000;
const REPORT_MS = 2_000;
/** A worker that was not heard of for this long is gone. */
export const SILENT_MS = 7_000;
/** One that went away is shown for this long. */
const SHOWN_MS = 600_000;
