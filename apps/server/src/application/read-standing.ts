import type { Limits } from '../domain/access/limits.ts';
import { periodsAt, type Standing, standingAt } from '../domain/access/quota.ts';
import type { KeyId, TenantId } from '../domain/ids.ts';
import type { UsageReader } from './usage-ports.ts';

export interface SubjectStanding extends Standing {
  readonly subject: 'tenant' | 'key';
}

/** How far the quotas of a tenant and a key are used. */
export async function readStanding(
  usage: Pick<UsageReader, 'counters'>,
  { tenantId, keyId }: { readonly tenantId: TenantId; readonly keyId?: KeyId | undefined },
  limits: { readonly tenant: Limits; readonly key?: Limits | undefined },
  now: number,
): Promise<readonly SubjectStanding[]> {
  const of = async (subject: 'tenant' | 'key', id: string, own: Limits): Promise<readonly SubjectStanding[]> => {
    const found = standingAt(own, await usage.counters(tenantId, id, periodsAt(now)), now);
    return found.map((standing) => ({ subject, ...standing }));
  };
  const ofKey = keyId === undefined || limits.key === undefined ? [] : await of('key', keyId, limits.key);
  return [...(await of('tenant', '', limits.tenant)), ...ofKey];
}
