import { assert } from '../domain/errors.ts';
import { isGenerationFinal } from '../domain/generation.ts';
import type { GenerationId, JobId, TenantId } from '../domain/ids.ts';
import { alreadyFinal, type CancelPorts, cancelOne } from './cancel-job.ts';
import { generationNotFound } from './get-generation.ts';
import type { GenerationRecord } from './ports.ts';
import { type Act, auditOfStranger } from './write-audit.ts';

export type CancelGeneration = (input: {
  readonly tenantId: TenantId;
  readonly id: GenerationId;
  /** Who does it, for the audit log. */
  readonly act?: Act | undefined;
}) => Promise<GenerationRecord>;

/**
 * Cancels all jobs of a generation that have not ended.
 *
 * @throws AppError `generation_not_found`; `already_final` when it ended otherwise
 */
export function createCancelGeneration(ports: CancelPorts): CancelGeneration {
  const { store, clock, notifyCancel } = ports;
  return async ({ tenantId, id, act }) => {
    const found = await store.findGeneration(tenantId, id);
    if (found === undefined) throw generationNotFound(id);
    const { state } = found.generation;
    if (state === 'cancelled') return found;
    if (isGenerationFinal(state)) throw alreadyFinal('generation', id, state);

    const running = await store.transact(async (transaction) => {
      const marked: JobId[] = [];
      const open = await transaction.loadOpenJobs(tenantId, id);
      for (const job of open) {
        const after = await cancelOne(transaction, job, clock.now());
        if (after.state === 'running') marked.push(after.id);
      }
      const deed = { action: 'generation.cancelled', target: id, tenantId, before: { state, openJobs: open.length } };
      await auditOfStranger(transaction.access, ports, act, deed);
      return marked;
    });
    for (const job of running) notifyCancel(job);
    const record = await store.findGeneration(tenantId, id);
    assert(record !== undefined, `generation ${id} was there and is not any more`);
    return record;
  };
}
