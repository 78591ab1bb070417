import type { Kysely } from 'kysely';
import type { NumberedEvent, StoredEvent } from '../../domain/event.ts';
import type { GenerationId, TenantId } from '../../domain/ids.ts';
import { eventFromRow } from './rows.ts';
import type { Tables } from './schema.ts';

type Listener = (event: NumberedEvent) => void;

/** Who listens to the events of a generation, and who to all state changes. */
export class EventListeners {
  readonly #ofGeneration = new Map<GenerationId, Set<Listener>>();
  readonly #ofStored = new Set<(event: StoredEvent) => void>();

  /** The result ends it. */
  subscribe(id: GenerationId, listener: Listener): () => void {
    const listeners = this.#ofGeneration.get(id) ?? new Set();
    this.#ofGeneration.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#ofGeneration.get(id) === listeners) this.#ofGeneration.delete(id);
    };
  }

  /** Called with every state change once it is on disk; the result ends it. */
  onStored(listener: (event: StoredEvent) => void): () => void {
    this.#ofStored.add(listener);
    return () => this.#ofStored.delete(listener);
  }

  /** Generations that somebody listens to. */
  generations(): Iterable<GenerationId> {
    return this.#ofGeneration.keys();
  }

  tell(event: NumberedEvent): void {
    for (const listener of this.#ofGeneration.get(event.generationId) ?? []) listener(event);
  }

  tellStored(event: StoredEvent): void {
    for (const listener of this.#ofStored) listener(event);
  }
}

/** State changes of a generation behind an id, in order; none for another tenant. */
export async function storedEventsAfter(
  queries: Kysely<Tables>,
  tenantId: TenantId,
  id: GenerationId,
  afterId: number,
): Promise<readonly NumberedEvent[]> {
  const rows = await queries
    .selectFrom('events')
    .selectAll()
    .where('generation_id', '=', id)
    .where('id', '>', afterId)
    .where('tenant_id', '=', tenantId)
    .orderBy('id')
    .execute();
  return rows.map(eventFromRow);
}
