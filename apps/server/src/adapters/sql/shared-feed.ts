/**
 * Events of all processes of a cluster, as one of them hears them.
 *
 * State changes are rows, EVENT_STRIDE apart in their ids, and come by notification once they are on disk. Progress
 * comes over the bus and has no row: each process numbers it by itself, into the room behind the state change that it
 * heard last of the generation. So ids rise for every reader, also for one that goes on at another process: that has
 * the state changes under the same ids, and at worst some progress twice or not at all.
 */
import type { Kysely } from 'kysely';
import type { BusMessage, EventBus } from '../../application/event-bus.ts';
import type { EventFeed, Logger } from '../../application/ports.ts';
import type { NumberedEvent, PassingEvent, StoredEvent } from '../../domain/event.ts';
import type { GenerationId, JobId, TenantId } from '../../domain/ids.ts';
import { EventListeners, storedEventsAfter } from './event-listeners.ts';
import { type NumberedPreview, type NumberedStep, ProgressMemory } from './progress-memory.ts';
import { eventFromRow } from './rows.ts';
import type { Tables } from './schema.ts';

export type NumberedStored = StoredEvent & { readonly id: number };

export class SharedFeed implements EventFeed {
  readonly #queries: Kysely<Tables>;
  readonly #bus: EventBus;
  readonly #log: Logger;
  readonly #listeners = new EventListeners();
  readonly #progress = new ProgressMemory();
  /** Id of the last event that was told of a generation; those not seen for long are looked up again. */
  readonly #lastIds = new Map<GenerationId, number>();
  /** What was heard is told one after the other, although some of it must be looked up. */
  #telling: Promise<void> = Promise.resolve();

  /** @param ports.hasReaders whether anybody may ask this process for progress */
  constructor(
    queries: Kysely<Tables>,
    ports: { readonly bus: EventBus; readonly log: Logger; readonly hasReaders: boolean },
  ) {
    this.#queries = queries;
    this.#bus = ports.bus;
    this.#log = ports.log;
    if (ports.hasReaders) ports.bus.subscribe((message) => this.#hear(message));
  }

  async past(tenantId: TenantId, id: GenerationId, afterId: number): Promise<readonly NumberedEvent[]> {
    const stored = await storedEventsAfter(this.#queries, tenantId, id, afterId);
    return [...stored, ...this.#progress.past(tenantId, id, afterId)].sort((a, b) => a.id - b.id);
  }

  subscribe(id: GenerationId, listener: (event: NumberedEvent) => void): () => void {
    return this.#listeners.subscribe(id, listener);
  }

  onStored(listener: (event: StoredEvent) => void): () => void {
    return this.#listeners.onStored(listener);
  }

  publish(event: PassingEvent): void {
    if (event.type === 'job.step') this.#progress.noteStep(event.jobId, event.step);
    this.#bus.publish({ kind: 'progress', event });
  }

  stepOf(id: JobId): number {
    return this.#progress.stepOf(id);
  }

  /** State changes that are on disk. @param ids of those that were too large to come along */
  heardStored(events: readonly NumberedStored[], ids: readonly number[]): void {
    this.#then(async () => {
      const missing = ids.length === 0 ? [] : await this.#load(ids);
      for (const event of [...events, ...missing].sort((a, b) => a.id - b.id)) this.#tellStored(event);
    });
  }

  /** Notifications may have been missed: looks up what those who listen have not heard. */
  catchUp(): void {
    this.#then(async () => {
      for (const id of this.#listeners.generations()) {
        const after = this.#lastIds.get(id) ?? 0;
        const select = this.#queries.selectFrom('events').selectAll().where('generation_id', '=', id);
        for (const row of await select.where('id', '>', after).orderBy('id').execute()) {
          this.#tellStored(eventFromRow(row) as NumberedStored);
        }
      }
    });
  }

  #hear(message: BusMessage): void {
    if (message.kind !== 'progress') return;
    const { event } = message;
    this.#then(async () => {
      const last = this.#lastIds.get(event.generationId) ?? (await this.#lastIdOf(event.generationId));
      const numbered = { ...event, id: last + 1 } as NumberedStep | NumberedPreview;
      // The room behind a state change is used up: the next one makes more.
      if (numbered.id % EVENT_STRIDE === 0) return;
      this.#progress.remember(numbered);
      this.#tell(numbered);
    });
  }

  #tellStored(event: NumberedStored): void {
    this.#progress.heard(event);
    this.#listeners.tellStored(event);
    this.#tell(event);
  }

  #tell(event: NumberedEvent): void {
    const { id, generationId } = event;
    if (id <= (this.#lastIds.get(generationId) ?? 0)) return;
    this.#lastIds.delete(generationId);
    this.#lastIds.set(generationId, id);
    if (this.#lastIds.size > MAX_KNOWN) this.#forgetOldest();
    this.#listeners.tell(event);
  }

  #then(work: () => Promise<void>): void {
    this.#telling = this.#telling
      .then(work)
      .catch((err: unknown) => this.#log.warn({ err }, 'events of other processes were not told'));
  }

  async #lastIdOf(id: GenerationId): Promise<number> {
    const select = this.#queries.selectFrom('events').select('id').where('generation_id', '=', id);
    const row = await select.orderBy('id', 'desc').limit(1).executeTakeFirst();
    return row?.id ?? 0;
  }

  async #load(ids: readonly number[]): Promise<readonly NumberedStored[]> {
    const rows = await this.#queries.selectFrom('events').selectAll().where('id', 'in', ids).execute();
    return rows.map((row) => eventFromRow(row) as NumberedStored);
  }

  #forgetOldest(): void {
    const oldest = this.#lastIds.keys().next();
    if (oldest.done !== true) this.#lastIds.delete(oldest.value);
  }
}

/** Ids from one state change to the next; those between are for progress. */
export const EVENT_STRIDE = 1_000;
const MAX_KNOWN = 100_000;
