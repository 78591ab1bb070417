/**
 * Events with their numbers, and who listens.
 *
 * State changes are rows, written with the change. Progress (steps, previews) is only kept in memory. Both draw their
 * ids from one sequence that is reserved in blocks on disk, so ids rise also over a crash that forgot the progress.
 * A listener gets events in the order of their ids: while a transaction holds numbers that are not on disk yet,
 * progress waits until it is settled.
 */
import type { Kysely } from 'kysely';
import type { EventFeed } from '../../application/ports.ts';
import type { NumberedEvent, PassingEvent, StoredEvent } from '../../domain/event.ts';
import type { GenerationId, JobId, TenantId } from '../../domain/ids.ts';
import { EventListeners, storedEventsAfter } from './event-listeners.ts';
import { type NumberedPreview, type NumberedStep, ProgressMemory } from './progress-memory.ts';
import type { Tables } from './schema.ts';

export class EventLog implements EventFeed {
  readonly #reader: Kysely<Tables>;
  readonly #listeners = new EventListeners();
  readonly #progress = new ProgressMemory();
  #nextId: number;
  #reservedUpTo: number;
  #hasOpenNumbers = false;
  #waiting: PassingEvent[] = [];

  /** @param firstId first of the ids that are reserved on disk @param reservedUpTo last of them */
  constructor(reader: Kysely<Tables>, firstId: number, reservedUpTo: number) {
    this.#reader = reader;
    this.#nextId = firstId;
    this.#reservedUpTo = reservedUpTo;
  }

  async past(tenantId: TenantId, id: GenerationId, afterId: number): Promise<readonly NumberedEvent[]> {
    const stored = await storedEventsAfter(this.#reader, tenantId, id, afterId);
    return [...stored, ...this.#progress.past(tenantId, id, afterId)].sort((a, b) => a.id - b.id);
  }

  subscribe(id: GenerationId, listener: (event: NumberedEvent) => void): () => void {
    return this.#listeners.subscribe(id, listener);
  }

  onStored(listener: (event: StoredEvent) => void): () => void {
    return this.#listeners.onStored(listener);
  }

  publish(event: PassingEvent): void {
    if (this.#hasOpenNumbers) {
      this.#waiting.push(event);
      return;
    }
    // Half a block is always in reserve; if it were ever used up, progress may be missed but not a state change.
    if (this.#nextId > this.#reservedUpTo) return;
    const numbered = { ...event, id: this.#nextId++ } as NumberedStep | NumberedPreview;
    this.#progress.remember(numbered);
    this.#listeners.tell(numbered);
  }

  stepOf(id: JobId): number {
    return this.#progress.stepOf(id);
  }

  /** Numbers for a transaction. They are lost if it is undone. */
  takeIds(count: number): number {
    this.#hasOpenNumbers = true;
    const first = this.#nextId;
    this.#nextId += count;
    return first;
  }

  /** Whether the transaction should reserve another block. */
  get isBlockRunningOut(): boolean {
    return this.#reservedUpTo - this.#nextId < EVENT_ID_BLOCK / 2;
  }

  /** A block that is on disk. */
  extend(reservedUpTo: number): void {
    this.#reservedUpTo = Math.max(this.#reservedUpTo, reservedUpTo);
  }

  /** State changes that are on disk. */
  committed(events: readonly (StoredEvent & { readonly id: number })[]): void {
    for (const event of events) {
      this.#progress.heard(event);
      this.#listeners.tellStored(event);
      this.#listeners.tell(event);
    }
  }

  /** The current transaction is on disk or undone. */
  settled(): void {
    this.#hasOpenNumbers = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const event of waiting) this.publish(event);
  }
}

/** Ids reserved at once. */
export const EVENT_ID_BLOCK = 1_000_000;
