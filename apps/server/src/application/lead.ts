import { every } from './every.ts';
import type { Clock, Logger } from './ports.ts';
import type { LeaseBook } from './worker-board.ts';

/** Work that at most one process of a cluster does at a time. */
export interface Duty {
  /** Looks for what is to be done and begins with it; called at the start, again and again, and when there may be some. */
  look(): Promise<void>;
  /** Leaves off; another process goes on. */
  close(): Promise<void>;
}

export interface LeadPorts {
  readonly leases: LeaseBook;
  readonly clock: Clock;
  readonly log: Logger;
  /** This process. */
  readonly holder: string;
}

export interface Lead {
  /** Makes the duty look, if it is this process that does it. */
  wake(): void;
  stop(): Promise<void>;
}

/**
 * Does a duty while this process holds the lease of it. A process that dies or hangs loses the lease, and another takes
 * over within LEASE_MS and one look.
 */
export function lead(name: string, start: () => Duty, { leases, clock, log, holder }: LeadPorts): Lead {
  let duty: Duty | undefined;
  let heldUntil = 0;
  let isStopped = false;
  const resign = async (): Promise<void> => {
    const left = duty;
    duty = undefined;
    await left?.close();
  };
  const look = async (): Promise<void> => {
    const now = clock.now();
    const isHeld = await leases.hold(name, { holder, now, ms: LEASE_MS }).catch(() => now < heldUntil);
    if (isStopped) return;
    if (!isHeld) return resign();
    if (duty === undefined) log.info({ duty: name }, 'this process leads now');
    heldUntil = Math.max(heldUntil, now + LEASE_MS);
    duty ??= start();
    // Not waited for: work that takes long must not cost the lease.
    void duty.look().catch(onError);
  };
  const onError = (err: unknown): void => log.warn({ err, duty: name }, 'looking after a duty failed');
  const stopLooking = every(clock, LOOK_MS, look, onError);
  void look().catch(onError);
  return {
    wake: () => void duty?.look().catch(onError),
    async stop() {
      isStopped = true;
      stopLooking();
      await resign();
      await leases.release(name, holder).catch(onError);
    },
  };
}

const LEASE_MS = 3_000;
const LOOK_MS = 1_000;
