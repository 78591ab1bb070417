import type { AuditActor, AuditRecord } from '../domain/access/audit.ts';
import type { Caller } from '../domain/access/caller.ts';
import type { TenantId } from '../domain/ids.ts';
import type { AccessTransaction } from './access-ports.ts';
import type { Clock, IdSource } from './ports.ts';

/** Who does something, and from where. */
export interface Act {
  readonly caller: Caller;
  /** Network address; undefined for the command line. */
  readonly address: string | undefined;
}

export interface AuditPorts {
  readonly clock: Clock;
  readonly ids: IdSource;
}

/** What was done; never with a secret. */
export type Deed = Pick<AuditRecord, 'action' | 'target'> &
  Partial<Pick<AuditRecord, 'before' | 'after'>> & {
    /** Whose affairs it was about. */
    readonly tenantId: TenantId;
  };

/**
 * Writes an act in the transaction that does it. What somebody of one tenant does to the affairs of another stands in
 * the logs of both.
 */
export async function writeAudit(
  transaction: AccessTransaction,
  { clock, ids }: AuditPorts,
  { caller, address }: Act,
  deed: Deed,
): Promise<void> {
  const { before, after } = deed;
  const record = { ...deed, at: clock.now(), actor: actorOf(caller), address, before, after, count: 1 };
  const tenants = [...new Set([deed.tenantId, caller.tenantId])];
  await transaction.addAudit(tenants.map((tenantId) => ({ ...record, id: ids.next(), tenantId })));
}

/**
 * Writes what somebody of another tenant does to the work of a tenant, in the logs of both. Within a tenant people see
 * to their own work, which is no administration.
 */
export async function auditOfStranger(
  transaction: AccessTransaction,
  ports: AuditPorts,
  act: Act | undefined,
  deed: Deed,
): Promise<void> {
  if (act === undefined || act.caller.tenantId === deed.tenantId) return;
  await writeAudit(transaction, ports, act, deed);
}

export function actorOf({ name, tenantId, keyId, memberId }: Caller): AuditActor {
  return { name, tenantId, keyId, memberId };
}
