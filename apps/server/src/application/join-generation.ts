import { isGenerationFinal } from '../domain/generation.ts';
import type { GenerationId, TenantId } from '../domain/ids.ts';
import type { Clock, GenerationRecord, Store } from './ports.ts';
import type { SubmitGeneration, SubmitGenerationInput } from './submit-generation.ts';

/** One client's wait for a generation that it may come back to. */
export interface Joined {
  readonly record: GenerationRecord;
  /** Rises with every client that joins, in whatever process. */
  readonly ticket: number;
}

export interface JoinGenerationPorts {
  readonly store: Store;
  readonly submit: SubmitGeneration;
  readonly clock: Clock;
}

export interface JoinGeneration {
  /**
   * Submits, or with `isRepeat` joins the generation that the same key was for, unless it was cancelled. The key is
   * kept with the records: a repeat joins after a restart too, and at another process.
   */
  begin(input: SubmitGenerationInput, how: { readonly key: string; readonly isRepeat: boolean }): Promise<Joined>;
  /** Whether nobody joined after the ticket was given. */
  isLast(who: { tenantId: TenantId; key: string; id: GenerationId; ticket: number }): Promise<boolean>;
}

export function createJoinGeneration({ store, submit, clock }: JoinGenerationPorts): JoinGeneration {
  return {
    async begin(input, { key, isRepeat }) {
      const { tenantId } = input;
      const known = isRepeat ? await store.queue.findIdempotencyKey(tenantId, key) : undefined;
      const found =
        known === undefined || known.expiresAt <= clock.now()
          ? undefined
          : await store.findGeneration(tenantId, known.generationId);
      if (known !== undefined && found !== undefined && !isLost(found)) {
        const ticket = Math.max(clock.now() + JOIN_MS, known.expiresAt + 1);
        await store.transact(({ queue }) => queue.saveIdempotencyKey({ ...known, expiresAt: ticket }));
        return { record: found, ticket };
      }
      const ticket = clock.now() + JOIN_MS;
      const idempotency = { key, bodyHash: '', replaceUntil: ticket };
      return { record: await submit({ ...input, idempotency }), ticket };
    },
    async isLast({ tenantId, key, id, ticket }) {
      const known = await store.queue.findIdempotencyKey(tenantId, key);
      return known === undefined || known.generationId !== id || known.expiresAt <= ticket;
    },
  };
}

function isLost({ generation: { state } }: GenerationRecord): boolean {
  return isGenerationFinal(state) && state !== 'succeeded' && state !== 'partial';
}

/** How long after it joined a client may come back; its own time-out is ten minutes by default. */
const JOIN_MS = 15 * 60_000;
