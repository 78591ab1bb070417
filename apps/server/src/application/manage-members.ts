import { differences } from '../domain/access/audit.ts';
import type { Role } from '../domain/access/permission.ts';
import type { Member } from '../domain/access/tenant.ts';
import { AppError } from '../domain/errors.ts';
import { type MemberId, memberId, type TenantId } from '../domain/ids.ts';
import type { AccessStore, PageQuery } from './access-ports.ts';
import type { Clock, IdSource } from './ports.ts';
import { requireRights, requireTenant } from './require-rights.ts';
import { type Act, writeAudit } from './write-audit.ts';

export interface ManageMembersPorts {
  readonly store: AccessStore;
  readonly clock: Clock;
  readonly ids: IdSource;
}

export interface MemberOf {
  readonly tenantId: TenantId;
  readonly id: MemberId;
}

export interface MemberChange {
  readonly name?: string | undefined;
  readonly role?: Role | undefined;
  readonly isDisabled?: boolean | undefined;
}

export interface ManageMembers {
  /** @throws AppError `forbidden` for more rights than the caller has, `tenant_not_found`, `member_exists` */
  create(act: Act, input: Pick<Member, 'tenantId' | 'email' | 'name' | 'role'>): Promise<Member>;
  /** Newest first. */
  list(query: PageQuery<MemberId>): Promise<readonly Member[]>;
  /** @throws AppError `forbidden`, `member_not_found` */
  change(act: Act, which: MemberOf, change: MemberChange): Promise<Member>;
}

/** People of tenants. Every act is in the audit log, in the same transaction. */
export function createManageMembers(ports: ManageMembersPorts): ManageMembers {
  const { store, clock, ids } = ports;
  return {
    create: (act, { tenantId, name, role, ...input }) =>
      store.transact(async (transaction) => {
        requireRights(act.caller, { tenantId, role }, 'members:manage');
        await requireTenant(transaction, tenantId);
        const email = input.email.toLowerCase();
        if ((await transaction.findMemberByEmail(tenantId, email)) !== undefined) {
          throw new AppError('member_exists', `The tenant ${tenantId} has a member ${email} already.`);
        }
        const member: Member = {
          ...{ id: memberId(ids.next()), tenantId, email, name, role, createdAt: clock.now() },
          ...{ identity: undefined, disabledAt: undefined, lastSeenAt: undefined },
        };
        await transaction.saveMember(member);
        const after = factsOf(member);
        await writeAudit(transaction, ports, act, { action: 'member.created', target: member.id, tenantId, after });
        return member;
      }),

    list: (query) => store.reader.listMembers(query),

    change: (act, { tenantId, id }, { name, role, isDisabled }) =>
      store.transact(async (transaction) => {
        const before = await transaction.findMember(tenantId, id);
        if (before === undefined) {
          throw new AppError('member_not_found', `The tenant ${tenantId} has no member ${JSON.stringify(id)}.`);
        }
        // Neither may somebody be raised above the caller nor one who stands above be changed.
        for (const one of [before.role, role ?? before.role]) {
          requireRights(act.caller, { tenantId, role: one }, 'members:manage');
        }
        const kept = isDisabled === undefined ? before.disabledAt : undefined;
        const after: Member = {
          ...before,
          name: name ?? before.name,
          role: role ?? before.role,
          disabledAt: isDisabled === true ? (before.disabledAt ?? clock.now()) : kept,
        };
        const change = differences(factsOf(before), factsOf(after));
        if (Object.keys(change.after ?? {}).length === 0) return before;
        await transaction.saveMember(after);
        await writeAudit(transaction, ports, act, { action: 'member.changed', target: id, tenantId, ...change });
        return after;
      }),
  };
}

function factsOf({ lastSeenAt: _seen, ...facts }: Member): Readonly<Record<string, unknown>> {
  return facts;
}
