import type { CancelGeneration } from '../../../application/cancel-generation.ts';
import type { JoinGeneration } from '../../../application/join-generation.ts';
import type { Clock, Logger } from '../../../application/ports.ts';
import { AppError } from '../../../domain/errors.ts';
import type { GenerationId, TenantId } from '../../../domain/ids.ts';

export interface RunningRequestsPorts {
  readonly cancelGeneration: CancelGeneration;
  readonly joinGeneration: JoinGeneration;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a client that went away may take to come back. */
  readonly graceMs: number;
}

/** A client that waits for a generation. */
export interface Waiter {
  readonly tenantId: TenantId;
  readonly id: GenerationId;
  /** Who asks for what; equal for a repeat. */
  readonly key: string;
  readonly ticket: number;
}

interface Running {
  waiting: number;
  last: Waiter;
  callOffCancel: () => void;
}

/**
 * Generations that clients of this process wait for. When the last of them goes away without an answer and nobody
 * joins within the grace, here or at another process, the generation is cancelled.
 */
export class RunningRequests {
  readonly #known = new Map<GenerationId, Running>();
  readonly #ports: RunningRequestsPorts;

  constructor(ports: RunningRequestsPorts) {
    this.#ports = ports;
  }

  /** One more waits for a generation. */
  join(waiter: Waiter): void {
    const running = this.#known.get(waiter.id) ?? { waiting: 0, last: waiter, callOffCancel: () => undefined };
    running.callOffCancel();
    running.waiting += 1;
    if (waiter.ticket > running.last.ticket) running.last = waiter;
    this.#known.set(waiter.id, running);
  }

  /** One got its answer, or wants none any more. */
  answered({ id }: Waiter): void {
    const running = this.#known.get(id);
    if (running === undefined) return;
    running.waiting -= 1;
    if (running.waiting === 0) this.#known.delete(id);
  }

  /** One went away without an answer. */
  left({ id }: Waiter): void {
    const running = this.#known.get(id);
    if (running === undefined) return;
    running.waiting -= 1;
    if (running.waiting > 0) return;
    running.callOffCancel = this.#ports.clock.after(this.#ports.graceMs, () => void this.#cancel(running));
  }

  async #cancel(running: Running): Promise<void> {
    const { last } = running;
    if (running.waiting > 0) return;
    if (this.#known.get(last.id) === running) this.#known.delete(last.id);
    try {
      if (await this.#ports.joinGeneration.isLast(last)) await this.#ports.cancelGeneration(last);
    } catch (err) {
      if (err instanceof AppError && err.code === 'already_final') return;
      this.#ports.log.warn({ err, generationId: last.id }, 'cancelling what nobody waits for any more failed');
    }
  }
}
