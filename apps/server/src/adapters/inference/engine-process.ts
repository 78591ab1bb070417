/**
 * The parent's side of an engine process.
 *
 *   starting ──ready──► ready ──exit──► restarting ──ready──► ready …
 *      │                                    │
 *      └─broken, exit, silence─► broken ◄───┘       every restart waits, longer each time it fails
 *   any ──close()──► closed
 *
 * When the process ends, its open items end as failed with `engine_crashed`; nothing else of the parent is touched.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type {
  DrawingEngine,
  DrawObserver,
  DrawOutcome,
  EngineItem,
  EngineState,
  EngineStatus,
  ModelChoice,
} from '../../application/engine-port.ts';
import type { Clock, Logger } from '../../application/ports.ts';
import type { JobFault } from '../../domain/job.ts';
import type { Notice } from '../../domain/notice.ts';
import { withKeptBlocks } from './allocator.ts';
import { forwardOutput } from './child-output.ts';
import type { EngineCommand, EngineEvent, EngineOptions, OrderAnswer } from './engine-protocol.ts';
import { type EngineTrouble, itemFacts, withoutPrompts } from './engine-trouble.ts';
import { HeldModels } from './held-models.ts';
import { pictureProblem, readEvent } from './read-event.ts';
import { type Silence, type SilenceOptions, SilenceWatch } from './silence-watch.ts';

export interface EngineProcessOptions extends SilenceOptions {
  readonly engine: EngineOptions;
  /** All the variables that the process sees. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Logger;
  /** A process that says neither `ready` nor `broken` for this long is killed. @default 120000 */
  readonly startTimeoutMs?: number;
  /** A process that does not end on `close` for this long is killed. @default 5000 */
  readonly closeTimeoutMs?: number;
  /** Looks at a process that will be ended because it is stuck. */
  readonly dump?: ((pid: number) => Promise<object>) | undefined;
  /** More arguments of Node for the process. @default none */
  readonly nodeArguments?: readonly string[] | undefined;
  /** Told of a process that ended unasked, or was ended because of what it did. */
  readonly onTrouble?: ((trouble: EngineTrouble) => void) | undefined;
  /** Pause before the first restart; it doubles with each failure up to 30 s. @default 200 */
  readonly firstRestartPauseMs?: number;
}

interface OpenItem {
  step: number;
  readonly observer: DrawObserver;
  readonly item: EngineItem;
  readonly end: (outcome: DrawOutcome) => void;
}

export class EngineProcess implements DrawingEngine {
  readonly #options: EngineProcessOptions;
  readonly #items = new Map<string, OpenItem>();
  readonly #listeners = new Set<(status: EngineStatus) => void>();
  #child: ChildProcess | undefined;
  #state: EngineState = 'starting';
  #problem: JobFault | undefined;
  #executionProvider: string | undefined;
  #notes: readonly Notice[] = [];
  readonly #models: HeldModels;
  /** Orders whose answer is awaited. */
  readonly #orders = new Map<number, (answer: OrderAnswer) => void>();
  #lastOrder = 0;
  #crashes = 0;
  #expectsLoras = false;
  #failedStarts = 0;
  #killFault: JobFault | undefined;
  #callOffTimer: () => void = () => undefined;
  readonly #silence: SilenceWatch;
  #dump: object | undefined;
  #startedAt = 0;
  #lastLines: string[] = [];

  /** Starts the process at once. */
  constructor(options: EngineProcessOptions) {
    this.#options = options;
    this.#models = new HeldModels(() => options.clock.now());
    this.#silence = new SilenceWatch(options.clock, options, (silence) => this.#onSilence(silence));
    this.#start('starting');
  }

  get status(): EngineStatus {
    return {
      state: this.#state,
      device: this.#options.engine.device,
      executionProvider: this.#executionProvider,
      slots: this.#options.engine.slots,
      crashes: this.#crashes,
      problem: this.#problem,
      notes: this.#notes,
      models: this.#models.list(),
    };
  }

  /** Of the process that runs now. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  draw(item: EngineItem, observer: DrawObserver): Promise<DrawOutcome> {
    if (this.#state !== 'ready') {
      const fault = this.#problem ?? { ...CRASHED, code: 'engine_unavailable', message: 'The engine is not ready.' };
      return Promise.resolve({ kind: 'failed', fault: { ...fault, retryable: true } });
    }
    return new Promise((resolve) => {
      if (this.#items.size === 0) this.#silence.begin();
      this.#items.set(item.id, { observer, item, end: resolve, step: 0 });
      this.#models.use(item);
      this.#watchForSilence();
      this.#send({ type: 'submit', item });
    });
  }

  cancel(itemId: string): void {
    if (this.#items.has(itemId)) this.#send({ type: 'cancel', id: itemId });
  }

  /** Holds for every process that is started later, too. */
  expectLoras(): void {
    this.#expectsLoras = true;
    if (this.#state === 'ready') this.#send({ type: 'expectLoras' });
  }

  async load(model: ModelChoice): Promise<JobFault | undefined> {
    this.#models.loading(model);
    this.#tell();
    const { fault } = await this.#order((order) => ({ type: 'load', order, model: pick(model) }));
    if (fault !== undefined) this.#models.failed(model, fault);
    this.#tell();
    return fault;
  }

  async unload(model: ModelChoice): Promise<JobFault | undefined> {
    const { fault } = await this.#order((order) => ({ type: 'unload', order, model: pick(model) }));
    return fault;
  }

  /** Measures batch limits, which are kept in the cache folder; takes up to minutes. */
  calibrate(model: ModelChoice): Promise<OrderAnswer> {
    return this.#order((order) => ({ type: 'calibrate', order, model: pick(model) }));
  }

  onChange(listener: (status: EngineStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the process, by force if need be. */
  async close(): Promise<void> {
    this.#callOffTimer();
    const child = this.#child;
    this.#become('closed');
    if (child === undefined) return;
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    });
    const callOff = this.#options.clock.after(this.#options.closeTimeoutMs ?? 5_000, () => child.kill('SIGKILL'));
    this.#send({ type: 'close' });
    await ended;
    callOff();
  }

  #start(state: 'starting' | 'restarting'): void {
    const { engine, environment, log, clock, startTimeoutMs = 120_000 } = this.#options;
    this.#become(state);
    const child = fork(ENTRY, {
      serialization: 'advanced',
      execArgv: [...(STRIPS_BY_ITSELF ? [] : STRIP), ...(this.#options.nodeArguments ?? [])],
      env: withKeptBlocks(environment),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.#startedAt = clock.now();
    this.#lastLines = [];
    this.#dump = undefined;
    forwardOutput(child, log, (line) => {
      this.#lastLines = [...this.#lastLines, line].slice(-LINES_KEPT);
    });
    child.on('message', (message) => {
      const event = readEvent(message);
      if (event === undefined) this.#distrust('it sent what is no message of the engine');
      else this.#onEvent(event);
    });
    child.on('error', (error) => {
      log.warn({ err: error }, 'talking to the engine process failed');
      // A process that could not be made at all has no exit.
      if (child.pid === undefined) this.#onExit(child, error.message);
    });
    child.on('exit', (code, signal) => this.#onExit(child, describeExit(code, signal)));
    this.#callOffTimer = clock.after(startTimeoutMs, () => {
      this.#problem = { ...CRASHED, message: `The engine process did not answer within ${startTimeoutMs} ms.` };
      child.kill('SIGKILL');
    });
    this.#send({ type: 'start', options: engine });
  }

  #onEvent(event: EngineEvent): void {
    switch (event.type) {
      case 'ready':
        // On its way when the order to close was given.
        if (this.#state === 'closed') return;
        this.#callOffTimer();
        this.#executionProvider = event.executionProvider;
        this.#notes = event.notes;
        this.#problem = undefined;
        // Counts as a good start only once it has lived for a while, so that a crash loop slows down.
        this.#callOffTimer = this.#options.clock.after(GOOD_LIFE_MS, () => {
          this.#failedStarts = 0;
        });
        if (this.#expectsLoras) this.#send({ type: 'expectLoras' });
        this.#become('ready');
        return;
      case 'broken':
        this.#problem = event.fault;
        return;
      case 'loaded':
        this.#models.loaded(event.model, event.bytes);
        this.#tell();
        return;
      case 'unloaded':
        this.#models.unloaded(event.model);
        this.#tell();
        return;
      case 'answer':
        this.#orders.get(event.order)?.(event);
        return;
      case 'log':
        this.#options.log[event.level](event.fields, event.message);
        return;
      default:
        this.#onItemEvent(event);
    }
  }

  #onItemEvent(event: Extract<EngineEvent, { id: string }>): void {
    const open = this.#items.get(event.id);
    if (open === undefined) return;
    this.#silence.word(open.item, event.type === 'finished');
    this.#watchForSilence();
    if (event.type === 'step') {
      open.step = event.step;
      open.observer.step(event.step, event.steps);
    } else if (event.type === 'preview') {
      const { step, mediaType, image } = event;
      open.observer.preview({ step, mediaType, image });
    } else if (event.type === 'failed') this.#end(event.id, { kind: 'failed', fault: event.fault });
    else if (event.type === 'cancelled') this.#end(event.id, { kind: 'cancelled' });
    else if (event.type === 'finished') {
      const problem = pictureProblem(open.item, event);
      if (problem !== undefined) {
        this.#distrust(problem);
        return;
      }
      const { type: _type, id, sha256: _sha256, ...picture } = event;
      this.#end(id, { kind: 'finished', picture });
    }
  }

  /** Ends a process that sent what cannot be; all that it was drawing is tried again. */
  #distrust(problem: string): void {
    const message = `The engine process was ended, since its answer was wrong: ${problem}.`;
    this.#options.log.error({ problem }, 'the answer of the engine process was wrong, it is ended');
    this.#killFault = { ...CRASHED, code: 'engine_answer_invalid', message };
    this.#child?.kill('SIGKILL');
  }

  #end(id: string, outcome: DrawOutcome): void {
    const open = this.#items.get(id);
    this.#items.delete(id);
    if (open !== undefined) this.#models.giveBack(open.item);
    if (this.#items.size === 0) this.#silence.rest();
    open?.end(outcome);
  }

  #watchForSilence(): void {
    const isLoading = this.#models.list().some(({ state }) => state === 'loading');
    this.#silence.wait(
      [...this.#items.values()].map(({ item }) => item),
      isLoading,
    );
  }

  #onSilence({ ms, normalMs }: Silence): void {
    const child = this.#child;
    if (child?.pid === undefined) return;
    const words = normalMs === undefined ? '' : `, where ${Math.round(normalMs)} ms are normal`;
    const message = `The engine process reported no step for ${Math.round(ms)} ms${words} and was ended.`;
    const end = (): void => {
      // A word that came meanwhile set the clock anew: it lives.
      if (this.#child !== child || this.#silence.silentMs < ms) return;
      this.#killFault = { ...CRASHED, code: 'engine_stuck', message };
      child.kill('SIGKILL');
    };
    const dumping = this.#options.dump?.(child.pid) ?? Promise.resolve(undefined);
    void dumping
      .then((dump) => {
        this.#dump = dump;
      })
      .catch(() => undefined)
      .then(end);
  }

  #onExit(child: ChildProcess, how: string): void {
    if (child !== this.#child) return;
    this.#callOffTimer();
    this.#child = undefined;
    const wasReady = this.#state === 'ready';
    const crashed = { ...CRASHED, message: `The engine process ended (${how}) while it drew this picture.` };
    const fault = this.#killFault ?? crashed;
    this.#killFault = undefined;
    this.#silence.rest();
    if (wasReady) this.#tellTrouble(child, how, fault);
    // State first: whoever hears of the end of an item must not find the engine ready.
    if (this.#state !== 'closed') this.#scheduleRestart(wasReady, how);
    const outcome: DrawOutcome = this.#state === 'closed' ? { kind: 'cancelled' } : { kind: 'failed', fault };
    for (const id of [...this.#items.keys()]) this.#end(id, outcome);
    for (const answer of [...this.#orders.values()])
      answer({ fault: { ...CRASHED, message: `The engine process ended (${how}).` } });
    this.#models.clear();
  }

  #tellTrouble(child: ChildProcess, how: string, { code, message }: JobFault): void {
    const { onTrouble, engine, clock } = this.#options;
    if (onTrouble === undefined) return;
    const open = [...this.#items.values()];
    onTrouble({
      ...{ code: code as EngineTrouble['code'], message, how, device: engine.device, pid: child.pid },
      executionProvider: this.#executionProvider,
      livedMs: clock.now() - this.#startedAt,
      items: open.map(({ item, step }) => itemFacts(item, step)),
      lastLines: withoutPrompts(
        this.#lastLines,
        open.map(({ item }) => item),
      ),
      dump: this.#dump,
    });
  }

  /** Sends a command that is answered; the end of the process answers it too. */
  #order(command: (order: number) => EngineCommand): Promise<OrderAnswer> {
    if (this.#state !== 'ready') {
      const message = 'The engine is not ready.';
      return Promise.resolve({ fault: this.#problem ?? { ...CRASHED, code: 'engine_unavailable', message } });
    }
    this.#lastOrder += 1;
    const order = this.#lastOrder;
    return new Promise((resolve) => {
      this.#orders.set(order, (answer) => {
        this.#orders.delete(order);
        resolve(answer);
      });
      this.#send(command(order));
    });
  }

  #scheduleRestart(wasReady: boolean, how: string): void {
    const { clock, log, firstRestartPauseMs = 200 } = this.#options;
    const pauseMs = Math.min(firstRestartPauseMs * 2 ** this.#failedStarts, LAST_RESTART_PAUSE_MS);
    this.#failedStarts += 1;
    this.#problem ??= { ...CRASHED, message: `The engine process ended (${how}).` };
    if (wasReady) this.#crashes += 1;
    const words = wasReady ? 'the engine process ended' : 'the engine could not be started';
    log.error({ how, problem: this.#problem, pauseMs }, `${words}; it is started again`);
    this.#become(wasReady ? 'restarting' : 'broken');
    this.#callOffTimer = clock.after(pauseMs, () => this.#start('restarting'));
  }

  #send(command: EngineCommand): void {
    // A channel that is closed is not an error here: the exit of the process ends the items.
    if (this.#child?.connected === true) this.#child.send(command, () => undefined);
  }

  #become(state: EngineState): void {
    this.#state = state;
    this.#tell();
  }

  #tell(): void {
    const { status } = this;
    for (const listener of this.#listeners) listener(status);
  }
}

/** The choice alone, of whatever carries one. */
function pick({ modelPath, precision }: ModelChoice): ModelChoice {
  return { modelPath, precision };
}

function describeExit(code: number | null, signal: string | null): string {
  return signal === null ? `exit code ${code}` : signal;
}

const STRIP = ['--experimental-strip-types', '--disable-warning=ExperimentalWarning'];
/** Node 22.13 to 22.17 strips types only when asked, as the parent then was. */
const STRIPS_BY_ITSELF =
  process.features.typescript !== false && !process.execArgv.includes('--experimental-strip-types');
const ENTRY = fileURLToPath(new URL('./engine-child.ts', import.meta.url));
const CRASHED: JobFault = {
  code: 'engine_crashed',
  message: 'The engine process ended.',
  details: {},
  retryable: true,
};
/** Lines of the process that a report shows. */
const LINES_KEPT = 30;
const LAST_RESTART_PAUSE_MS = 30_000;
const GOOD_LIFE_MS = 60_000;
