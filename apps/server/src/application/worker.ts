/**
 * A worker keeps the slots of one engine busy.
 *
 * - It claims jobs when the engine is ready, a slot is free (or can be had for an interactive job) and the disk has room; it looks when it is woken (a job
 *   was queued, an attempt ended, the engine became ready) and in any case every `pollMs`.
 * - It renews its leases on a timer, and learns there which of its jobs were cancelled or lost.
 * - It returns jobs of silent workers to the queue.
 *
 * Modes: *working* → `drain()` → *draining* (claims nothing, lets attempts end for a while, then hands the rest back)
 * → *stopped*.
 */
import type { JobId, WorkerId } from '../domain/ids.ts';
import type { Claim, ClaimJobs } from './claim-jobs.ts';
import { every } from './every.ts';
import { findModel, servedNames } from './find-model.ts';
import type { Disk } from './ports.ts';
import type { ReapExpiredLeases } from './reap-expired-leases.ts';
import type { RenewLeases } from './renew-leases.ts';
import { type ActiveAttempt, type AttemptPorts, runAttempt } from './run-attempt.ts';

export interface WorkerPorts extends AttemptPorts {
  readonly workerId: WorkerId;
  readonly claimJobs: ClaimJobs;
  readonly renewLeases: RenewLeases;
  readonly reapExpiredLeases: ReapExpiredLeases;
  readonly disk: Disk;
  readonly leaseMs: number;
  readonly pollMs: number;
  /** Whether there may be other workers, to whom jobs of models are left that this one lacks. @default false */
  readonly isOneOfMany?: boolean | undefined;
}

interface ActiveJob {
  readonly attempt: ActiveAttempt;
  readonly ended: Promise<void>;
  readonly isInteractive: boolean;
}

export class Worker {
  readonly #ports: WorkerPorts;
  readonly #active = new Map<string, ActiveJob>();
  readonly #stopTimers: readonly (() => void)[];
  #claiming: Promise<void> | undefined;
  #shouldClaimAgain = false;
  #isDraining = false;

  /** Starts working at once. */
  constructor(ports: WorkerPorts) {
    this.#ports = ports;
    const { clock, log, engine } = ports;
    this.#stopTimers = [
      every(
        clock,
        ports.leaseMs / 3,
        () => this.#renewAll(),
        (err) => log.warn({ err }, 'renewing leases failed'),
      ),
      every(
        clock,
        ports.pollMs,
        () => this.#reap(),
        (err) => log.warn({ err }, 'looking for silent workers failed'),
      ),
      engine.onChange(() => this.wake()),
    ];
    this.wake();
  }

  /** Looks for work; to be called when there may be some. */
  wake(): void {
    if (this.#isDraining) return;
    if (this.#claiming !== undefined) {
      this.#shouldClaimAgain = true;
      return;
    }
    this.#shouldClaimAgain = false;
    this.#claiming = this.#claimSome()
      .catch((err: unknown) => this.#ports.log.warn({ err }, 'claiming jobs failed'))
      .finally(() => {
        this.#claiming = undefined;
        if (this.#shouldClaimAgain) this.wake();
      });
  }

  /** Stops the attempt at this job at the next step, if this worker has one. */
  cancel(id: JobId): void {
    for (const { attempt } of this.#active.values()) if (attempt.id === id) this.#stop(attempt, 'cancel');
  }

  /** Stops claiming, gives attempts some time to end and hands the rest back. Resolves when nothing is left. */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true;
    const callOff = this.#ports.clock.after(graceMs, () => {
      for (const { attempt } of this.#active.values()) this.#stop(attempt, 'release');
    });
    await this.#claiming;
    while (this.#active.size > 0) await Promise.race([...this.#active.values()].map(({ ended }) => ended));
    callOff();
    for (const stopTimer of this.#stopTimers) stopTimer();
  }

  async #claimSome(): Promise<void> {
    const { engine, disk, workerId } = this.#ports;
    // Slots that come free in this moment are filled together.
    await new Promise((resolve) => setImmediate(resolve));
    if ((await disk.freeBytes()) < disk.minFreeBytes) return;
    const { slots, state } = engine.status;
    const free = slots - this.#active.size;
    const urgent = [...this.#active.values()].filter((active) => active.isInteractive).length;
    if (state !== 'ready' || (free <= 0 && urgent >= slots)) return;
    // With all slots taken, interactive jobs still come in: the engine parks others for them at the next step.
    const request = free > 0 ? { limit: free } : { limit: slots - urgent, only: 'interactive' as const };
    const loadedModels = this.#loadedModels();
    const models = this.#ports.isOneOfMany ? servedNames(this.#ports.models) : undefined;
    const claims = await this.#ports.claimJobs({ workerId, loadedModels, models, ...request });
    for (const claim of claims) this.#begin(claim);
  }

  /** Names of the models that the engine has in memory. */
  #loadedModels(): ReadonlySet<string> {
    const held = this.#ports.engine.status.models.filter(({ state }) => state === 'loaded');
    const isLoaded = (name: string): boolean => {
      const found = findModel(this.#ports.models, name);
      if (found.kind !== 'usable') return false;
      return held.some((one) => one.modelPath === found.facts.path && one.precision === found.precision);
    };
    return new Set([...servedNames(this.#ports.models)].filter(isLoaded));
  }

  #begin(claim: Claim): void {
    const { job } = claim;
    const itemId = `${job.id}:${job.lease.token}`;
    const attempt: ActiveAttempt = {
      tenantId: job.tenantId,
      id: job.id,
      token: job.lease.token,
      itemId,
      // What was claimed while the order to drain came in is handed back undrawn.
      stopReason: this.#isDraining ? 'release' : undefined,
    };
    const ended = runAttempt(this.#ports, claim, attempt)
      .catch((err: unknown) => this.#ports.log.error({ err, jobId: job.id }, 'an attempt ended without a record'))
      .finally(() => {
        this.#active.delete(itemId);
        this.wake();
      });
    this.#active.set(itemId, { attempt, ended, isInteractive: job.priority === 'interactive' });
  }

  #stop(attempt: ActiveAttempt, reason: 'cancel' | 'lost' | 'release'): void {
    attempt.stopReason ??= reason;
    this.#ports.engine.cancel(attempt.itemId);
  }

  async #renewAll(): Promise<void> {
    if (this.#active.size === 0) return;
    const held = [...this.#active.values()].map(({ attempt }) => attempt);
    for (const { id, token, answer } of await this.#ports.renewLeases(held)) {
      const active = this.#active.get(`${id}:${token}`);
      if (active !== undefined && answer !== 'held') this.#stop(active.attempt, answer);
    }
  }

  async #reap(): Promise<void> {
    const count = await this.#ports.reapExpiredLeases();
    if (count > 0) this.#ports.log.warn({ count }, 'jobs of a silent worker went back to the queue');
    this.wake();
  }
}
