/** Wiring of what draws: the engine in its process, and the worker that keeps it busy. */
import { hostname } from 'node:os';
import { openDeviceMemory } from '@imagemill/diffusion/device-memory';
import { fingerprintModel } from '../adapters/models/model-fingerprint.ts';
import { pictureFiles } from '../adapters/provenance/picture-file.ts';
import { secrets } from '../adapters/secrets.ts';
import type { RecordStore } from '../adapters/sql/sql-store.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import type { OtlpTraces } from '../adapters/telemetry/otlp-traces.ts';
import type { AccessBook } from '../application/access-book.ts';
import { type ClaimJobs, createClaimJobs } from '../application/claim-jobs.ts';
import { reportWorker } from '../application/cluster-engines.ts';
import type { CostBook } from '../application/cost-book.ts';
import { createEndAttempt } from '../application/end-attempt.ts';
import type { DeviceMemoryFacts, DrawingEngine, OwnedEngine } from '../application/engine-port.ts';
import { every } from '../application/every.ts';
import type { IncidentBook } from '../application/incidents.ts';
import { createPictureLabeller } from '../application/label-picture.ts';
import { loadAhead } from '../application/load-ahead.ts';
import type { LoraLibrary } from '../application/lora-ports.ts';
import { observeEndAttempt, observeEngine } from '../application/observe-attempts.ts';
import type { Clock, Disk, IdSource, Logger, ModelCatalog, PictureStore } from '../application/ports.ts';
import {
  createReapExpiredLeases,
  createRecoverOrphans,
  type ReapExpiredLeases,
} from '../application/reap-expired-leases.ts';
import { createRenewLeases } from '../application/renew-leases.ts';
import { createReuseResults, type ReuseResultsPorts } from '../application/reuse-results.ts';
import { createTakeJobs } from '../application/take-jobs.ts';
import { Worker } from '../application/worker.ts';
import type { Config } from '../config/load.ts';
import { type WorkerId, workerId } from '../domain/ids.ts';
import type { WatchedDevice } from './compose-alerts.ts';
import { FEED_DUTY, limitsOf, takeBackOffers } from './compose-feeder.ts';
import { tenantLabelPolicies } from './compose-labels.ts';
import { composeQualityGate } from './compose-quality.ts';
import { tellOfLeftModels } from './compose-site.ts';
import { countReaped, watchDevice } from './compose-telemetry.ts';
import { guardEngine, startWatchdog, watchedProcess } from './compose-watchdog.ts';
import type { Cluster, Opened } from './open-records.ts';
import { startEngine } from './start-engine.ts';

/** Lease of a job: a worker that is silent for this long loses its jobs. Renewed three times as often. */
export const LEASE_MS = 5_000;
/** How often the worker looks for work that nobody told it of, and for silent workers. */
export const POLL_MS = 1_000;
const retry = { maxInterruptions: 10 };
const LOOK_FOR_LORAS_MS = 5_000;

export interface DrawingInput {
  readonly store: RecordStore;
  readonly cluster: Cluster | undefined;
  readonly pictures: PictureStore;
  readonly models: ModelCatalog;
  readonly loras: LoraLibrary;
  /** Where the limits of tenants are. */
  readonly book: AccessBook;
  readonly costs: CostBook;
  readonly disk: Disk;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly incidents: IncidentBook;
  /** Undefined where no collector is named. */
  readonly traces: OtlpTraces | undefined;
  readonly version: string;
}

export interface Drawing {
  readonly id: WorkerId;
  readonly engine: OwnedEngine;
  readonly worker: Worker;
  readonly memoryOf: (device: string) => DeviceMemoryFacts | undefined;
  /** How its devices are doing now. */
  readonly devices: () => readonly WatchedDevice[];
}

/** Starts the engine and a worker that claims at once. */
export async function startDrawing(config: Config, input: DrawingInput, opened: Opened): Promise<Drawing> {
  const { store, cluster, clock, log, metrics, models, ids } = input;
  if (cluster === undefined) await recoverOrphans(input);
  if (cluster?.carrier === undefined) await takeBackOffers(input);
  const engine = startEngine(config, { clock, log, ...watchedProcess(config, input.incidents) });
  opened.push(() => engine.close(), loadAhead({ engine, models, log }), prepareForLoras(engine, input));
  const memoryOf = await readMemory(config);
  const { busy, monitor } = await watchDevice(config, { engine, memoryOf, metrics, log }, opened);
  const id = workerId(ids.next());
  const nextProvider = spareEngine(config, { engine, ...input }, opened);
  const guarded = guardEngine(config, observeEngine(engine, metrics, busy), { ...input, nextProvider }, opened);
  const worker = startWorker(config, input, { id, engine: guarded });
  opened.push(() => worker.drain(0));
  startWatchdog(config, { ...input, engine, wake: () => worker.wake(), retry, leaseMs: LEASE_MS }, opened);
  opened.push(store.onStored((event) => event.type === 'job.queued' && worker.wake()));
  if (cluster !== undefined) {
    opened.push(cluster.onGap(() => worker.wake()));
    opened.push(hearOthers(cluster, worker));
    tellOfLeftModels(input, opened);
    const who = { id, host: hostname(), pid: process.pid };
    opened.push(reportWorker({ ...cluster, ...who, engine, memoryOf, clock, models, log }));
  }
  return { id, engine, worker, memoryOf, devices: () => [{ sample: monitor.sample, status: engine.status }] };
}

/** Starts an engine on the CPU when pictures of a card are unsound; once, and for as long as this process lives. */
function spareEngine(
  config: Config,
  { engine, clock, log, incidents }: DrawingInput & { readonly engine: OwnedEngine },
  opened: Opened,
): () => Promise<DrawingEngine | undefined> {
  let spare: OwnedEngine | undefined;
  opened.push(() => spare?.close());
  return async () => {
    const provider = engine.status.executionProvider;
    if (provider === undefined || provider === 'cpu' || !isLocalCard(config.device)) return undefined;
    log.warn({ provider }, 'pictures are unsound; an engine on the CPU is started beside the other');
    const cpu = { ...config, device: 'cpu' };
    spare ??= startEngine(cpu, { clock, log, ...watchedProcess(cpu, incidents) });
    return (await isUsable(spare)) ? spare : undefined;
  };
}

/** A device of this machine that computes, and not on the processor. */
function isLocalCard(device: string): boolean {
  return /^(cuda|webgpu)/.test(device);
}

/** Resolves when the engine draws, or cannot. */
function isUsable(engine: OwnedEngine): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = engine.onChange(look);
    function look(): void {
      const { state } = engine.status;
      if (state !== 'ready' && state !== 'broken' && state !== 'closed') return;
      stop();
      resolve(state === 'ready');
    }
    queueMicrotask(look);
  });
}

/** Tells the engine as soon as there is an adapter, so that the first picture with one does not wait for its sessions. */
function prepareForLoras(engine: OwnedEngine, { loras, clock, log }: DrawingInput): () => void {
  const look = async (): Promise<void> => {
    if (!loras.isEmpty) engine.expectLoras?.();
  };
  void look();
  return every(clock, LOOK_FOR_LORAS_MS, look, (err) => log.debug({ err }, 'looking for LoRAs failed'));
}

/** What runs belongs to a process that is gone: this one has the records alone. In a cluster leases end by themselves. */
async function recoverOrphans({ store, clock, log }: DrawingInput): Promise<void> {
  const recovered = await createRecoverOrphans({ store, clock, retry })();
  if (recovered > 0) log.info({ jobs: recovered }, 'jobs that an earlier server was drawing went back to the queue');
}

function hearOthers({ bus }: Cluster, worker: Worker): () => void {
  return bus.subscribe((message) => {
    if (message.kind === 'cancel') worker.cancel(message.jobId);
    if (message.kind === 'wake') worker.wake();
  });
}

function startWorker(
  config: Config,
  input: DrawingInput,
  { id, engine }: { readonly id: WorkerId; readonly engine: DrawingEngine },
): Worker {
  const { store, cluster, book, costs, ids, clock, metrics } = input;
  const policies = tenantLabelPolicies(config, book);
  const reap = createReapExpiredLeases({ store, clock, retry });
  return new Worker({
    ...input,
    engine,
    workerId: id,
    claimJobs: claimer(config, input),
    renewLeases: createRenewLeases({ store, clock, leaseMs: LEASE_MS }),
    endAttempt: observeEndAttempt(
      createEndAttempt({ store, clock, ids, costs, maxResults: config.resultCacheEntries }),
      {
        attemptEnded(ended) {
          metrics.attemptEnded(ended);
          input.traces?.attemptEnded(ended);
        },
      },
      () => clock.now(),
    ),
    gate: composeQualityGate(config, store),
    labeller: createPictureLabeller({
      files: pictureFiles,
      policies,
      software: `Imagemill ${input.version}`,
    }),
    reapExpiredLeases: countReaped(cluster === undefined ? reap : reapWhereExpired(reap, input), metrics),
    feed: store.feed,
    results: config.resultCacheEntries > 0 ? rememberedResults(config, { ...input, policies }) : undefined,
    releasePauseMs: config.retryPauseMs,
    isOneOfMany: cluster !== undefined,
    leaseMs: LEASE_MS,
    pollMs: POLL_MS,
  });
}

/** Straight from the records, or from what a feeder has laid out on the carrier. */
function claimer(config: Config, { store, cluster, book, clock }: DrawingInput): ClaimJobs {
  if (cluster?.carrier !== undefined) {
    const { bus, carrier } = cluster;
    const onTaken = (): void => bus.publish({ kind: 'duty', name: FEED_DUTY });
    return createTakeJobs({ store, carrier, clock, leaseMs: LEASE_MS, onTaken });
  }
  const claim = createClaimJobs({ store, clock, leaseMs: LEASE_MS, ...limitsOf(config, book) });
  return cluster === undefined ? claim : claimWhereReady(claim, { store, clock });
}

/** Looks before it asks for the lock on the records, which the workers of a cluster share. */
function claimWhereReady(claim: ClaimJobs, { store, clock }: Pick<DrawingInput, 'store' | 'clock'>): ClaimJobs {
  return async (request) => ((await store.queue.hasReady(clock.now(), request)) ? claim(request) : []);
}

function reapWhereExpired(
  reap: ReapExpiredLeases,
  { store, clock }: Pick<DrawingInput, 'store' | 'clock'>,
): ReapExpiredLeases {
  return async () => ((await store.queue.hasExpired(clock.now())) ? reap() : 0);
}

function rememberedResults({ device }: Config, input: Pick<ReuseResultsPorts, 'store' | 'pictures' | 'policies'>) {
  const { store, pictures, policies } = input;
  const fingerprintOf = fingerprintModel;
  return createReuseResults({ store, pictures, policies, hash: secrets.hash, fingerprintOf, device });
}

/** What is free on the device, as this process sees it. */
async function readMemory({ device, memoryReserveBytes }: Config): Promise<() => DeviceMemoryFacts | undefined> {
  const reader = await openDeviceMemory(device);
  return () => {
    const reading = reader?.read();
    return reader && reading && { source: reader.source, ...reading, reserveBytes: memoryReserveBytes };
  };
}
