/**
 * An engine somewhere else, behind the same queue as those of this machine. It plans whole pictures, so it knows no
 * parking and no batches of ours; steps show where it reports them.
 *
 *   starting ──probe──► ready ──unreachable──► broken ──probe──► ready …
 *                         └──busy (429, 503)──► broken until its pause is over
 *   any ──close()──► closed
 *
 * The worker claims nothing while the engine is not ready. A picture that meets a busy engine waits in here for a
 * while, so that a rush costs no job its attempts.
 */
import type {
  DrawingEngine,
  DrawObserver,
  DrawOutcome,
  EngineItem,
  EngineState,
  EngineStatus,
  HeldModel,
  ModelChoice,
} from '../../application/engine-port.ts';
import type { Clock, Logger } from '../../application/ports.ts';
import type { JobFault } from '../../domain/job.ts';
import type { PictureMeasures } from '../../domain/quality/measures.ts';
import { fault, RemoteFault } from './remote-fault.ts';
import { type DecodedPixels, readRemotePicture } from './remote-picture.ts';
import type { RemoteFacts, RemoteServer } from './remote-server.ts';

export interface RemoteEngineOptions {
  /** As configured. */
  readonly device: string;
  readonly server: RemoteServer;
  /** Pictures that it is sent at once. */
  readonly slots: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** A picture that takes longer is given up; 0 waits for ever. */
  readonly stuckAfterMs: number;
  /** Measures a decoded picture for the quality gate; its rejection fails the picture. @default nothing is measured */
  readonly inspect?: ((pixels: DecodedPixels) => Promise<PictureMeasures>) | undefined;
  /** Pause between two looks at a healthy engine. @default 10000 */
  readonly healthMs?: number;
  /** Time for an answer to such a look. @default 10000 */
  readonly probeMs?: number;
  /** How long a picture waits for a busy engine before its attempt fails. @default 300000 */
  readonly busyMs?: number;
}

interface ActiveItem {
  readonly item: EngineItem;
  readonly stop: AbortController;
}

export class RemoteEngine implements DrawingEngine {
  readonly #options: RemoteEngineOptions;
  readonly #active = new Map<string, ActiveItem>();
  readonly #listeners = new Set<(status: EngineStatus) => void>();
  readonly #models = new Map<string, HeldModel>();
  readonly #closing = new AbortController();
  #state: EngineState = 'starting';
  #problem: JobFault | undefined;
  #facts: RemoteFacts | undefined;
  #outages = 0;
  #failedProbes = 0;
  #callOffProbe: () => void = () => undefined;

  /** Looks for the engine at once. */
  constructor(options: RemoteEngineOptions) {
    this.#options = options;
    void this.#probe();
  }

  get status(): EngineStatus {
    const { device, slots } = this.#options;
    return {
      ...{ state: this.#state, device, slots, problem: this.#problem },
      executionProvider: this.#facts === undefined ? undefined : `remote:${this.#facts.kind}`,
      crashes: this.#outages,
      notes: this.#facts?.notes ?? [],
      models: [...this.#models.values()],
    };
  }

  async draw(item: EngineItem, observer: DrawObserver): Promise<DrawOutcome> {
    const refusal = this.#refusalOf(item);
    if (refusal !== undefined) return { kind: 'failed', fault: refusal };
    const stop = new AbortController();
    this.#active.set(item.id, { item, stop });
    this.#touch(item);
    const startedAt = this.#options.clock.now();
    const share = this.#active.size;
    try {
      const bytes = await this.#drawPatiently(item, observer, stop.signal);
      const drawnAt = this.#options.clock.now();
      const picture = await readRemotePicture(bytes, item, this.#options.inspect);
      const denoiseMs = drawnAt - startedAt;
      const now = this.#options.clock.now();
      const timings = { loadMs: 0, encodeMs: 0, denoiseMs, decodeMs: now - drawnAt, totalMs: now - startedAt };
      const { seed, steps } = item;
      const executionProvider = this.status.executionProvider ?? 'remote';
      // What it did for others meanwhile is not known; they are taken to have had equal parts of it.
      const deviceMs = denoiseMs / share;
      return {
        kind: 'finished',
        picture: { ...picture, seed, steps, executionProvider, timings: { ...timings, deviceMs } },
      };
    } catch (error) {
      return this.#outcomeOf(error, stop.signal);
    } finally {
      this.#active.delete(item.id);
      this.#touch(item);
    }
  }

  cancel(itemId: string): void {
    this.#active.get(itemId)?.stop.abort(CANCELLED);
  }

  /** The engine loads its model by itself. */
  async load(model: ModelChoice): Promise<JobFault | undefined> {
    this.#touch(model);
    this.#tell();
    return undefined;
  }

  async unload({ modelPath }: ModelChoice): Promise<JobFault | undefined> {
    const message = `The engine at ${this.#options.server.baseUrl} keeps its model; it is told there when to unload it.`;
    return { code: 'engine_unsupported', message, details: { modelPath }, retryable: false };
  }

  onChange(listener: (status: EngineStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stops what is under way there, where that can be done. */
  async close(): Promise<void> {
    this.#callOffProbe();
    this.#become('closed', undefined);
    this.#closing.abort(CANCELLED);
    for (const { stop } of this.#active.values()) stop.abort(CANCELLED);
  }

  /** What no engine of this kind can do, or why it cannot now. */
  #refusalOf(item: EngineItem): JobFault | undefined {
    const { baseUrl } = this.#options.server;
    if (this.#state === 'closed') return { ...UNAVAILABLE, message: 'The engine is closed.' };
    const asked = item.loras.length > 0 ? 'with LoRAs' : item.source !== undefined ? 'from a picture' : undefined;
    if (asked === undefined) return undefined;
    const message = `The remote engine at ${baseUrl} cannot draw ${asked} for this server. Let an engine of its own draw it.`;
    return { code: 'engine_unsupported', message, details: { engine: baseUrl }, retryable: false };
  }

  /** Draws; waits out a busy engine. */
  async #drawPatiently(item: EngineItem, observer: DrawObserver, cancelled: AbortSignal): Promise<Uint8Array> {
    const { server, clock, stuckAfterMs, busyMs = 300_000 } = this.#options;
    const giveUpAt = clock.now() + busyMs;
    for (let pauseMs = FIRST_BUSY_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LAST_BUSY_PAUSE_MS)) {
      const late = new AbortController();
      const callOff =
        stuckAfterMs === 0 ? () => undefined : clock.after(stuckAfterMs, () => late.abort(this.#stuck(stuckAfterMs)));
      const signal = AbortSignal.any([cancelled, late.signal]);
      try {
        return await server.draw(item, { signal, step: (step, steps) => observer.step(step, steps) });
      } catch (error) {
        if (!(error instanceof RemoteFault) || error.about !== 'busy' || clock.now() >= giveUpAt) throw error;
        const waitMs = error.pauseMs ?? pauseMs;
        this.#rest(error.fault, waitMs);
        await wait(clock, waitMs, cancelled);
      } finally {
        callOff();
      }
    }
  }

  #stuck(ms: number): RemoteFault {
    const message = `The engine at ${this.#options.server.baseUrl} did not draw a picture within ${ms} ms.`;
    return fault('engine_stuck', message, { retryable: true });
  }

  #outcomeOf(error: unknown, cancelled: AbortSignal): DrawOutcome {
    if (cancelled.aborted) return { kind: 'cancelled' };
    if (error instanceof RemoteFault) {
      if (error.about === 'down') this.#lost(error.fault);
      return { kind: 'failed', fault: error.fault };
    }
    const message = error instanceof Error ? error.message : String(error);
    this.#options.log.error({ err: error }, 'drawing with the remote engine met a fault of this server');
    return { kind: 'failed', fault: { code: 'engine_fault', message, details: {}, retryable: true } };
  }

  async #probe(): Promise<void> {
    const { server, probeMs = 10_000, healthMs = 10_000, log } = this.#options;
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(probeMs)]);
    try {
      this.#facts = await server.probe(signal);
      this.#failedProbes = 0;
      if (this.#state !== 'ready') this.#become('ready', undefined);
      this.#schedule(healthMs);
    } catch (error) {
      if (this.#state === 'closed') return;
      const problem = error instanceof RemoteFault ? error.fault : silent(server.baseUrl, probeMs);
      // A busy engine is there; only its pictures tell how long it wants to be left alone.
      if (error instanceof RemoteFault && error.about === 'busy' && this.#state === 'ready') this.#schedule(healthMs);
      else {
        if (this.#failedProbes === 0) log.error({ problem }, 'the remote engine is not usable; it is looked for again');
        this.#lost(problem);
      }
    }
  }

  /** Claims stop, and the engine is looked for, first soon and then less often. */
  #lost(problem: JobFault): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'ready') this.#outages += 1;
    this.#become('broken', problem);
    this.#schedule(Math.min(FIRST_PROBE_PAUSE_MS * 2 ** this.#failedProbes, LAST_PROBE_PAUSE_MS));
    this.#failedProbes += 1;
  }

  /** Claims stop for a while; pictures under way go on. */
  #rest(problem: JobFault, ms: number): void {
    if (this.#state !== 'ready') return;
    this.#become('broken', problem);
    this.#schedule(ms);
  }

  #schedule(ms: number): void {
    this.#callOffProbe();
    this.#callOffProbe = this.#options.clock.after(ms, () => void this.#probe());
  }

  #touch({ modelPath, precision }: ModelChoice): void {
    const users = [...this.#active.values()].filter(({ item }) => item.modelPath === modelPath).length;
    const lastUsedAt = this.#options.clock.now();
    const model = { modelPath, precision, state: 'loaded', bytes: 0, lastUsedAt, users, problem: undefined } as const;
    this.#models.set(modelPath, model);
  }

  #become(state: EngineState, problem: JobFault | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = state;
    this.#problem = problem;
    this.#tell();
  }

  #tell(): void {
    const { status } = this;
    for (const listener of this.#listeners) listener(status);
  }
}

function wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const callOff = clock.after(ms, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    function stop(): void {
      callOff();
      reject(signal.reason);
    }
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function silent(baseUrl: string, ms: number): JobFault {
  const message = `The engine at ${baseUrl} did not answer within ${ms} ms.`;
  return { code: 'engine_unreachable', message, details: { engine: baseUrl }, retryable: true };
}

const UNAVAILABLE = { code: 'engine_unavailable', details: {}, retryable: true } as const;
const CANCELLED = new Error('cancelled');
const FIRST_PROBE_PAUSE_MS = 500;
const LAST_PROBE_PAUSE_MS = 30_000;
const FIRST_BUSY_PAUSE_MS = 500;
const LAST_BUSY_PAUSE_MS = 15_000;
