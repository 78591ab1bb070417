import type { CancelGeneration } from '../../../application/cancel-generation.ts';
import type { Clock, Logger } from '../../../application/ports.ts';
import { AppError } from '../../../domain/errors.ts';
import type { GenerationId, TenantId } from '../../../domain/ids.ts';

export interface RunningRequestsPorts {
  readonly cancelGeneration: CancelGeneration;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a client that went away may take to come back. */
  readonly graceMs: number;
}

interface Running {
  readonly tenantId: TenantId;
  readonly id: GenerationId;
  waiting: number;
  callOffCancel: () => void;
}

/**
 * Requests whose clients wait, by who asked for what. A client that lost its connection and asks again (the header
 * X-Stainless-Retry-Count says so) joins the generation that it asked for first; when nobody comes back within the
 * grace, the generation is cancelled. Kept in the memory of this process.
 */
export class RunningRequests {
  readonly #known = new Map<string, Running>();
  readonly #ports: RunningRequestsPorts;

  constructor(ports: RunningRequestsPorts) {
    this.#ports = ports;
  }

  /** The generation that the same client asked for before with the same request. */
  find(key: string): GenerationId | undefined {
    return this.#known.get(key)?.id;
  }

  /** One more waits for a generation. */
  join(key: string, tenantId: TenantId, id: GenerationId): void {
    const known = this.#known.get(key);
    const running = known?.id === id ? known : { tenantId, id, waiting: 0, callOffCancel: () => undefined };
    running.callOffCancel();
    running.waiting += 1;
    this.#known.delete(key);
    this.#known.set(key, running);
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value ?? '');
  }

  /** One got its answer. */
  answered(key: string): void {
    const running = this.#known.get(key);
    if (running !== undefined) running.waiting -= 1;
  }

  /** One went away without an answer. */
  left(key: string): void {
    const running = this.#known.get(key);
    if (running === undefined) return;
    running.waiting -= 1;
    if (running.waiting > 0) return;
    running.callOffCancel = this.#ports.clock.after(this.#ports.graceMs, () => void this.#cancel(key, running));
  }

  async #cancel(key: string, { tenantId, id }: Running): Promise<void> {
    if (this.#known.get(key)?.id === id) this.#known.delete(key);
    try {
      await this.#ports.cancelGeneration({ tenantId, id });
    } catch (err) {
      if (err instanceof AppError && err.code === 'already_final') return;
      this.#ports.log.warn({ err, generationId: id }, 'cancelling what nobody waits for any more failed');
    }
  }
}

const MAX_KNOWN = 10_000;
