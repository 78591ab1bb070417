/** Wiring of what looks after an engine and the queue: incidents, the watchdog, the check of weights. */
import { join } from 'node:path';
import { createHuggingFaceHub } from '../adapters/hub/hugging-face-hub.ts';
import { createModelScopeHub } from '../adapters/hub/model-scope-hub.ts';
import { createModelStore } from '../adapters/hub/model-store.ts';
import { projectModelsFolder, resolveModelsFolder } from '../adapters/hub/models-folder.ts';
import { quarantineFiles } from '../adapters/hub/quarantine.ts';
import { timerPauses } from '../adapters/hub/timer-pauses.ts';
import { openIncidentFolder } from '../adapters/incidents/incident-folder.ts';
import type { EngineProcessOptions } from '../adapters/inference/engine-process.ts';
import type { EngineTrouble } from '../adapters/inference/engine-trouble.ts';
import { dumpProcess, reportArguments } from '../adapters/inference/process-dump.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import { isDoubtful, WeightsCheck } from '../application/check-weights.ts';
import { createClockJump } from '../application/clock-jump.ts';
import type { DrawingEngine, DrawOutcome } from '../application/engine-port.ts';
import type { IncidentBook } from '../application/incidents.ts';
import type { ModelStore } from '../application/model-ports.ts';
import type { Clock, Disk, Logger, ModelCatalog, Store } from '../application/ports.ts';
import { createPullModel } from '../application/pull-model.ts';
import { createReconcileQueue } from '../application/reconcile-queue.ts';
import { createSoundEngine, type SoundEngineOptions } from '../application/sound-engine.ts';
import { Watchdog } from '../application/watchdog.ts';
import type { Config } from '../config/load.ts';
import type { RetryPolicy } from '../domain/job.ts';
import type { Opened } from './open-records.ts';

/** Folder of incidents below the data folder. */
export const INCIDENTS_FOLDER = 'crash-reports';

export function openIncidents(
  { dataDir }: Pick<Config, 'dataDir'>,
  { clock, log, metrics }: { readonly clock: Clock; readonly log: Logger; readonly metrics: Metrics },
): IncidentBook {
  const folder = join(dataDir, INCIDENTS_FOLDER);
  return openIncidentFolder({ folder, clock, log, onAdded: ({ kind }) => metrics.incidentSeen(kind) });
}

/** Options of an engine process that is looked after. */
export function watchedProcess(
  config: Config,
  incidents: IncidentBook,
): Pick<EngineProcessOptions, 'stuckFactor' | 'leastStuckMs' | 'dump' | 'nodeArguments' | 'onTrouble'> {
  const folder = join(config.dataDir, INCIDENTS_FOLDER);
  return {
    stuckFactor: config.engineStuckFactor,
    leastStuckMs: config.engineStuckLeastMs,
    dump: (pid) => dumpProcess(pid, folder),
    nodeArguments: reportArguments(folder),
    onTrouble: (trouble) => incidents.add(incidentOf(trouble)),
  };
}

function incidentOf({ code, message, ...details }: EngineTrouble): Parameters<IncidentBook['add']>[0] {
  const kind = code === 'engine_stuck' || code === 'engine_answer_invalid' ? code : 'engine_crashed';
  const action = 'It is started again, and the pictures that it was drawing are tried again.';
  return { kind, message, action, details: { ...details } };
}

export interface GuardInput {
  readonly models: ModelCatalog;
  readonly incidents: IncidentBook;
  readonly log: Logger;
  readonly clock: Clock;
  /** The engine of the next execution provider. @default there is none */
  readonly nextProvider?: SoundEngineOptions['nextProvider'];
}

/** The same engine; unsound pictures are drawn another way, and doubtful weights are looked at. */
export function guardEngine(
  config: Config,
  engine: DrawingEngine,
  { models, incidents, log, clock, nextProvider }: GuardInput,
  opened: Opened,
): DrawingEngine {
  const store = createModelStore({
    modelsFolder: resolveModelsFolder(config.modelsFolder),
    readOnlyFolders: [projectModelsFolder],
  });
  const check = new WeightsCheck({
    ...{ store, incidents, log, now: () => clock.now() },
    quarantine: (path, files) => quarantineFiles(path, files.filter(isWeights), new Date(clock.now())),
    pull: config.repairModels ? createPull(store) : undefined,
  });
  opened.push(() => check.close());
  const sound = createSoundEngine({
    ...{ engine, models, incidents, nextProvider },
    onDoubt: (path) => check.doubt(path),
  });
  return {
    ...bound(sound),
    get status() {
      return sound.status;
    },
    async draw(item, observer) {
      const outcome = await sound.draw(item, observer);
      if (outcome.kind !== 'failed' || !isDoubtful(outcome.fault.code)) return outcome;
      check.doubt(item.modelPath);
      // Whole files come: it is worth another try.
      return check.canMend ? retryable(outcome) : outcome;
    },
  };
}

function bound(engine: DrawingEngine): Omit<DrawingEngine, 'status' | 'draw'> {
  return {
    cancel: (id) => engine.cancel(id),
    load: (model) => engine.load(model),
    unload: (model) => engine.unload(model),
    onChange: (listener) => engine.onChange(listener),
  };
}

function retryable(outcome: Extract<DrawOutcome, { kind: 'failed' }>): DrawOutcome {
  return { kind: 'failed', fault: { ...outcome.fault, retryable: true } };
}

/** Configurations that somebody edited are told of and left where they are. */
function isWeights(path: string): boolean {
  return path.endsWith('.safetensors');
}

/** Fetches a model again from where it came. */
function createPull(store: ModelStore): (modelPath: string, signal: AbortSignal) => Promise<void> {
  return async (modelPath, signal) => {
    const { origin } = await store.find(modelPath);
    if (origin === undefined) throw new Error(`Nobody knows where the model in ${modelPath} came from.`);
    const { source, endpoint, repository, revision } = origin;
    const hub = source === 'modelscope' ? createModelScopeHub({ endpoint }) : createHuggingFaceHub({ endpoint });
    await createPullModel({ hub, store, pauses: timerPauses })({ repository, revision, signal });
  };
}

export interface WatchdogInput {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly disk: Disk;
  readonly incidents: IncidentBook;
  readonly engine: Pick<DrawingEngine, 'status'>;
  readonly wake: () => void;
  readonly retry: RetryPolicy;
  readonly leaseMs: number;
}

export function startWatchdog(config: Config, input: WatchdogInput, opened: Opened): void {
  const { engine, ...ports } = input;
  const watchdog = new Watchdog({
    ...ports,
    reconcile: createReconcileQueue(input),
    isIdle: () => engine.status.state === 'ready',
    clockJump: createClockJump({ wall: () => Date.now(), monotonic: () => performance.now() }),
    intervalMs: config.watchdogSeconds * 1_000,
    blockedAfterMs: BLOCKED_AFTER_MS,
  });
  opened.push(() => watchdog.close());
}

const BLOCKED_AFTER_MS = 60_000;
