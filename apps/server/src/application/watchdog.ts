import { every } from './every.ts';
import type { IncidentBook } from './incidents.ts';
import type { Clock, Disk, Logger, Store } from './ports.ts';
import type { ReconcileQueue } from './reconcile-queue.ts';

export interface WatchdogPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly incidents: IncidentBook;
  readonly disk: Disk;
  readonly store: Pick<Store, 'queue'>;
  readonly reconcile: ReconcileQueue;
  /** Whether the engine of this process could take a picture. */
  readonly isIdle: () => boolean;
  /** Has the worker look for work. */
  readonly wake: () => void;
  /** How far the wall clock moved beyond the time that went by since the last call, in ms. */
  readonly clockJump: () => number;
  readonly intervalMs: number;
  /** So long jobs must wait before an idle engine before that is a fault. */
  readonly blockedAfterMs: number;
}

/** Looks every few seconds for what mends itself only when somebody looks, mends it and says so. */
export class Watchdog {
  readonly #ports: WatchdogPorts;
  readonly #stop: () => void;
  #isDiskFull = false;
  #blockedSince: number | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(ports: WatchdogPorts) {
    this.#ports = ports;
    const onError = (err: unknown): void => ports.log.warn({ err }, 'the watchdog could not look');
    this.#stop = every(ports.clock, ports.intervalMs, () => this.#begin(), onError);
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#looking.catch(() => undefined);
  }

  async look(): Promise<void> {
    this.#lookAtClock();
    await this.#lookAtDisk();
    await this.#lookAtQueue();
  }

  #begin(): Promise<void> {
    this.#looking = this.look();
    return this.#looking;
  }

  #lookAtClock(): void {
    const jumpMs = this.#ports.clockJump();
    if (Math.abs(jumpMs) < JUMP_MS) return;
    const way = jumpMs > 0 ? 'ahead' : 'back';
    this.#ports.incidents.add({
      kind: 'clock_jumped',
      message: `The clock of this machine was put ${way} by ${(Math.abs(jumpMs) / 1_000).toFixed(0)} s.`,
      action: 'Leases and pauses in the queue were compared with the new time. Keep the clock right, e.g. with NTP.',
      details: { jumpMs },
    });
  }

  async #lookAtDisk(): Promise<void> {
    const { disk, incidents } = this.#ports;
    const freeBytes = await disk.freeBytes();
    const isFull = freeBytes < disk.minFreeBytes;
    if (isFull && !this.#isDiskFull) {
      incidents.add({
        kind: 'disk_nearly_full',
        message: `Only ${freeBytes} bytes are free where pictures are kept, below the setting minFreeBytes (${disk.minFreeBytes}).`,
        action: 'Nothing new is accepted (507) or started until there is room; what waits is kept.',
        details: { freeBytes, minFreeBytes: disk.minFreeBytes },
      });
    }
    this.#isDiskFull = isFull;
  }

  async #lookAtQueue(): Promise<void> {
    const { clock, incidents, reconcile, store, isIdle, wake, blockedAfterMs } = this.#ports;
    const mended = await reconcile();
    if (mended > 0) {
      incidents.add({
        kind: 'queue_blocked',
        message: `${mended} jobs were held by leases or pauses that end later than any can.`,
        action: 'They were put back into the line from the records. Nothing was thrown away.',
        details: { mended },
      });
      wake();
    }
    const { pausedSince, classes } = await store.queue.facts();
    const all = Object.values(classes);
    const isWaiting = all.some(({ queued }) => queued > 0);
    const isRunning = all.some(({ running }) => running > 0);
    const isBlocked = isWaiting && !isRunning && pausedSince === undefined && isIdle() && !this.#isDiskFull;
    if (!isBlocked) {
      this.#blockedSince = undefined;
      return;
    }
    this.#blockedSince ??= clock.now();
    if (clock.now() - this.#blockedSince < blockedAfterMs) return;
    this.#blockedSince = undefined;
    incidents.add({
      kind: 'queue_blocked',
      message: `Jobs wait and the engine is free, and none was started for ${Math.round(blockedAfterMs / 1_000)} s.`,
      action: 'The worker was told to look at the records again. Nothing was thrown away.',
      details: Object.fromEntries(Object.entries(classes).map(([name, { queued }]) => [name, queued])),
    });
    wake();
  }
}

/** Clocks that are kept right are moved by less. */
const JUMP_MS = 5_000;
