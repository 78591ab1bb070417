import { assert } from '../domain/errors.ts';
import { isGenerationFinal } from '../domain/generation.ts';
import type { GenerationId, JobId, TenantId } from '../domain/ids.ts';
import { alreadyFinal, type CancelPorts, cancelOne } from './cancel-job.ts';
import { generationNotFound } from './get-generation.ts';
import type { GenerationRecord } from './ports.ts';

export type CancelGeneration = (input: {
  readonly tenantId: TenantId;
  readonly id: GenerationId;
}) => Promise<GenerationRecord>;

/**
 * Cancels all jobs of a generation that have not ended.
 *
 * @throws AppError `generation_not_found`; `already_final` when it ended otherwise
 */
export function createCancelGeneration({ store, clock, notifyCancel }: CancelPorts): CancelGeneration {
  return async ({ tenantId, id }) => {
    const found = await store.findGeneration(tenantId, id);
    if (found === undefined) throw generationNotFound(id);
    const { state } = found.generation;
    if (state === 'cancelled') return found;
    if (isGenerationFinal(state)) throw alreadyFinal('generation', id, state);

    const running = await store.transact(async (transaction) => {
      const marked: JobId[] = [];
      for (const job of await transaction.loadOpenJobs(tenantId, id)) {
        const after = await cancelOne(transaction, job, clock.now());
        if (after.state === 'running') marked.push(after.id);
      }
      return marked;
    });
    for (const job of running) notifyCancel(job);
    const record = await store.findGeneration(tenantId, id);
    assert(record !== undefined, `generation ${id} was there and is not any more`);
    return record;
  };
}
