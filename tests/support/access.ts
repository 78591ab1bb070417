import { commandLineCaller } from '../../apps/server/src/domain/access/caller.ts';
import type { Permission, Role } from '../../apps/server/src/domain/access/permission.ts';
import { type KeyId, tenantId } from '../../apps/server/src/domain/ids.ts';
import type { Parts } from '../../apps/server/src/main/compose.ts';

/** An API key of a tenant, which is made if it is not there; with the headers that show it. */
export async function issueKey(
  { store, access }: Pick<Parts, 'store' | 'access'>,
  wanted: {
    readonly tenant?: string;
    readonly role?: Role;
    readonly scopes?: readonly Permission[];
    expiresAt?: number;
  },
): Promise<{ readonly id: KeyId; readonly text: string; readonly headers: { readonly authorization: string } }> {
  const { tenant = 'default', role = 'admin', scopes, expiresAt } = wanted;
  const id = tenantId(tenant);
  if ((await store.access.findTenant(id)) === undefined) {
    const made = { id, name: tenant, createdAt: 0, disabledAt: undefined, weight: 1, limits: {} };
    await access.store.transact((transaction) => transaction.saveTenant(made));
  }
  const act = { caller: commandLineCaller, address: undefined };
  const input = { tenantId: id, name: `${role} of ${tenant}`, role, scopes, expiresAt };
  const { key, text } = await access.manageKeys.create(act, input);
  return { id: key.id, text, headers: { authorization: `Bearer ${text}` } };
}
