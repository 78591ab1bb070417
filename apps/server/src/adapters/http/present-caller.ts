import type { Caller as ApiCaller } from '@imagemill/api';
import { readStanding } from '../../application/read-standing.ts';
import type { Caller } from '../../domain/access/caller.ts';
import { type AdministrationPorts, timeOf } from './administration.ts';

/** Who calls, what they may do, and how far their quotas are used. */
export async function presentCaller(
  { access, usage, clock }: Pick<AdministrationPorts, 'access' | 'usage' | 'clock'>,
  { name, tenantId, role, permissions, keyId, memberId }: Caller,
): Promise<ApiCaller> {
  const tenant = (await access.findTenant(tenantId))?.limits ?? {};
  const key = keyId && (await access.findKey(keyId))?.limits;
  const limits = { tenant, key: key || undefined };
  const found = await readStanding(usage, { tenantId, keyId }, limits, clock.now());
  const standing = found.map(({ resetsAt, ...one }) => ({
    ...one,
    remaining: Math.max(0, one.limit - one.used),
    resetsAt: timeOf(resetsAt),
  }));
  return { name, tenantId, role, permissions: [...permissions], keyId, memberId, limits, standing };
}
