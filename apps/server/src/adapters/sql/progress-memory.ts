import type { NumberedEvent, StoredEvent } from '../../domain/event.ts';
import type { GenerationId, JobId, TenantId } from '../../domain/ids.ts';

export type NumberedStep = Extract<NumberedEvent, { type: 'job.step' }>;
export type NumberedPreview = Extract<NumberedEvent, { type: 'job.preview' }>;

/** Steps and previews for those who come to a generation later, within bounds. */
export class ProgressMemory {
  readonly #steps = new Map<GenerationId, NumberedStep[]>();
  readonly #latestStep = new Map<JobId, number>();
  readonly #latestPreview = new Map<JobId, NumberedPreview>();
  #stepCount = 0;

  remember(event: NumberedStep | NumberedPreview): void {
    if (event.type === 'job.preview') {
      this.#latestPreview.delete(event.jobId);
      this.#latestPreview.set(event.jobId, event);
      if (this.#latestPreview.size > MAX_PREVIEWS_KEPT) dropFirst(this.#latestPreview);
      return;
    }
    this.noteStep(event.jobId, event.step);
    const steps = this.#steps.get(event.generationId) ?? [];
    steps.push(event);
    this.#steps.set(event.generationId, steps);
    this.#stepCount += 1;
    while (this.#stepCount > MAX_STEPS_KEPT) this.#forgetOldestSteps();
  }

  noteStep(id: JobId, step: number): void {
    this.#latestStep.delete(id);
    this.#latestStep.set(id, step);
    if (this.#latestStep.size > MAX_STEPS_KEPT) dropFirst(this.#latestStep);
  }

  stepOf(id: JobId): number {
    return this.#latestStep.get(id) ?? 0;
  }

  /** Progress of a generation after an event, in no order. */
  past(tenantId: TenantId, id: GenerationId, afterId: number): readonly NumberedEvent[] {
    const steps = this.#steps.get(id) ?? [];
    const previews = [...this.#latestPreview.values()].filter((event) => event.generationId === id);
    return [...steps, ...previews].filter((event) => event.id > afterId && event.tenantId === tenantId);
  }

  /** A job has ended or waits again: its progress is over. */
  heard(event: StoredEvent): void {
    if (!('jobId' in event) || event.type === 'job.started') return;
    this.#latestStep.delete(event.jobId);
    this.#latestPreview.delete(event.jobId);
  }

  #forgetOldestSteps(): void {
    const oldest = this.#steps.entries().next().value;
    if (oldest === undefined) return;
    this.#steps.delete(oldest[0]);
    this.#stepCount -= oldest[1].length;
  }
}

function dropFirst(map: Map<unknown, unknown>): void {
  const first = map.keys().next();
  if (first.done !== true) map.delete(first.value);
}

/** Step events of about 200 bytes each. */
const MAX_STEPS_KEPT = 20_000;
/** Of a few kilobytes each. */
const MAX_PREVIEWS_KEPT = 1_000;
