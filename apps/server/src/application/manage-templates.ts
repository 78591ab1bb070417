import { AppError } from '../domain/errors.ts';
import type { TenantId } from '../domain/ids.ts';
import type { Clock, Store } from './ports.ts';

/** A prompt with fields, kept for all members of a tenant. */
export interface Template {
  readonly tenantId: TenantId;
  /** Names it within the tenant. */
  readonly name: string;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly createdAt: number;
}

export interface ManageTemplates {
  /** By name. */
  list(tenantId: TenantId): Promise<readonly Template[]>;
  /**
   * In place of the one of the same name, if there is one.
   *
   * @throws AppError `validation_failed` when the tenant has as many as it may
   */
  save(template: Omit<Template, 'createdAt'>): Promise<Template>;
  remove(which: Pick<Template, 'tenantId' | 'name'>): Promise<void>;
}

export function createManageTemplates(ports: {
  readonly store: Store;
  readonly clock: Clock;
  /** Templates of a tenant. */
  readonly most: number;
}): ManageTemplates {
  const { store, clock, most } = ports;
  return {
    list: (tenantId) => store.listTemplates(tenantId),
    async save(input) {
      const known = await store.listTemplates(input.tenantId);
      if (known.length >= most && !known.some(({ name }) => name === input.name)) throw tooMany(most);
      const template = { ...input, createdAt: clock.now() };
      await store.transact((transaction) => transaction.saveTemplate(template));
      return template;
    },
    remove: (which) => store.transact((transaction) => transaction.removeTemplate(which)),
  };
}

function tooMany(most: number): AppError {
  const expected = `at most ${most} templates`;
  const message = `There are ${most} templates already; delete one first.`;
  return new AppError('validation_failed', message, {
    fields: [{ field: 'name', code: 'too_big', message, expected }],
  });
}
