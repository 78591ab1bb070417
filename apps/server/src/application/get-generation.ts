import { AppError } from '../domain/errors.ts';
import type { GenerationId, TenantId } from '../domain/ids.ts';
import type { GenerationRecord, Store } from './ports.ts';

export type GetGeneration = (input: {
  readonly tenantId: TenantId;
  readonly id: GenerationId;
}) => Promise<GenerationRecord>;

/** One generation with its jobs. @throws AppError `generation_not_found` */
export function createGetGeneration({ store }: { readonly store: Store }): GetGeneration {
  return async ({ tenantId, id }) => {
    const found = await store.findGeneration(tenantId, id);
    if (found === undefined) throw generationNotFound(id);
    return found;
  };
}

export function generationNotFound(id: GenerationId): AppError {
  return new AppError('generation_not_found', `There is no generation ${id}.`, { details: { id } });
}
