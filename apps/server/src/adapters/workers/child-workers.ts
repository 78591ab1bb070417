import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Clock, Logger } from '../../application/ports.ts';
import type { WorkerFleet } from '../../application/scale-workers.ts';

export interface ChildWorkersOptions {
  /** Module that a worker process runs. It gets its settings as the first message, and drains when the channel closes. */
  readonly entry: URL;
  /** Settings of the n-th worker, from 0. */
  readonly settingsOf: (index: number) => object;
  readonly clock: Clock;
  readonly log: Logger;
  /** Pause before one that ended unasked is started again; it doubles with each time up to 30 s. @default 500 */
  readonly firstRestartPauseMs?: number;
}

interface Member {
  /** The lowest that was free when it started: decides its settings. */
  readonly index: number;
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
  isDraining: boolean;
}

/**
 * Workers in processes of their own. They end in three ways: drained when they are too many, drained with this process,
 * and unasked, after which another takes the place. Settings go over the channel, so that no secret stands among the
 * arguments of a process.
 *
 * A worker that drains keeps its place (and its device) until it has ended.
 */
export class ChildWorkers implements WorkerFleet {
  readonly #options: ChildWorkersOptions;
  readonly #members = new Set<Member>();
  #wanted = 0;
  #isClosed = false;
  #crashes = 0;
  #pauseMs: number;
  #callOffRestart: (() => void) | undefined;

  constructor(options: ChildWorkersOptions) {
    this.#options = options;
    this.#pauseMs = options.firstRestartPauseMs ?? FIRST_PAUSE_MS;
  }

  get pids(): readonly number[] {
    return this.#working.flatMap(({ child }) => child.pid ?? []);
  }

  get facts(): { readonly running: number; readonly draining: number; readonly crashes: number } {
    const running = this.#working.length;
    return { running, draining: this.#members.size - running, crashes: this.#crashes };
  }

  resize(count: number): void {
    if (this.#isClosed) return;
    this.#wanted = count;
    const surplus = this.#working.sort((a, b) => b.index - a.index).slice(0, Math.max(0, this.#working.length - count));
    for (const member of surplus) drain(member);
    this.#fill();
  }

  /** Drains all and resolves when they have ended. */
  async close(): Promise<void> {
    this.#callOffRestart?.();
    this.resize(0);
    this.#isClosed = true;
    await Promise.all([...this.#members].map(({ exited }) => exited));
  }

  get #working(): Member[] {
    return [...this.#members].filter(({ isDraining }) => !isDraining);
  }

  #fill(): void {
    if (this.#callOffRestart !== undefined) return;
    while (this.#members.size < this.#wanted) this.#start();
  }

  #start(): void {
    const { entry, settingsOf, clock, log } = this.#options;
    const taken = new Set([...this.#members].map(({ index }) => index));
    let index = 0;
    while (taken.has(index)) index += 1;
    // What it prints goes to where this process logs.
    const child = fork(entry, { stdio: ['ignore', 2, 2, 'ipc'] });
    const startedAt = clock.now();
    const exited = once(child, 'exit').then(
      () => undefined,
      () => undefined,
    );
    const member: Member = { index, child, exited, isDraining: false };
    this.#members.add(member);
    child.on('error', (err) => log.error({ err }, 'a worker process could not be started'));
    child.send(settingsOf(index), () => undefined);
    log.info({ pid: child.pid, index }, 'a worker was started');
    void exited.then(() => this.#ended(member, clock.now() - startedAt));
  }

  #ended(member: Member, livedMs: number): void {
    const { clock, log, firstRestartPauseMs = FIRST_PAUSE_MS } = this.#options;
    const { child, isDraining } = member;
    this.#members.delete(member);
    const how = { pid: child.pid, exitCode: child.exitCode, signal: child.signalCode };
    if (isDraining) {
      log.info(how, 'a worker has drained and ended');
      this.#fill();
      return;
    }
    this.#crashes += 1;
    if (livedMs > LONG_LIFE_MS) this.#pauseMs = firstRestartPauseMs;
    log.warn({ ...how, pauseMs: this.#pauseMs }, 'a worker ended unasked and is started again');
    this.#callOffRestart ??= clock.after(this.#pauseMs, () => {
      this.#callOffRestart = undefined;
      this.#fill();
    });
    this.#pauseMs = Math.min(this.#pauseMs * 2, MOST_PAUSE_MS);
  }
}

function drain(member: Member): void {
  member.isDraining = true;
  if (member.child.connected) member.child.disconnect();
}

const FIRST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 30_000;
/** Who lived this long was not started in vain. */
const LONG_LIFE_MS = 60_000;
