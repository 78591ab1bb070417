import type { ApiKey } from '../../domain/access/api-key.ts';
import type { AuditRecord } from '../../domain/access/audit.ts';
import type { Role } from '../../domain/access/permission.ts';
import type { Member, Session, Tenant } from '../../domain/access/tenant.ts';
import { keyId, memberId, tenantId } from '../../domain/ids.ts';
import type { ApiKeysTable, AuditTable, MembersTable, SessionsTable, TenantsTable } from './tenant-schema.ts';

export function tenantFromRow(row: TenantsTable): Tenant {
  return {
    id: tenantId(row.tenant_id),
    name: row.name,
    createdAt: row.created_at,
    disabledAt: row.disabled_at ?? undefined,
    weight: row.weight,
    limits: JSON.parse(row.limits),
    labels: JSON.parse(row.labels),
  };
}

export function tenantToRow(tenant: Tenant): TenantsTable {
  return {
    tenant_id: tenant.id,
    name: tenant.name,
    created_at: tenant.createdAt,
    disabled_at: tenant.disabledAt ?? null,
    weight: tenant.weight,
    limits: JSON.stringify(tenant.limits),
    labels: JSON.stringify(tenant.labels ?? {}),
  };
}

export function keyFromRow(row: ApiKeysTable): ApiKey {
  return {
    id: keyId(row.id),
    tenantId: tenantId(row.tenant_id),
    memberId: row.member_id === null ? undefined : memberId(row.member_id),
    name: row.name,
    role: row.role as Role,
    scopes: row.scopes === null ? undefined : JSON.parse(row.scopes),
    secretHash: row.secret_hash,
    limits: JSON.parse(row.limits),
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    rotatedTo: row.rotated_to === null ? undefined : keyId(row.rotated_to),
    lastUsedAt: row.last_used_at ?? undefined,
  };
}

export function keyToRow(key: ApiKey): ApiKeysTable {
  return {
    id: key.id,
    tenant_id: key.tenantId,
    member_id: key.memberId ?? null,
    name: key.name,
    role: key.role,
    scopes: key.scopes === undefined ? null : JSON.stringify(key.scopes),
    secret_hash: key.secretHash,
    limits: JSON.stringify(key.limits),
    created_at: key.createdAt,
    created_by: key.createdBy,
    expires_at: key.expiresAt ?? null,
    revoked_at: key.revokedAt ?? null,
    rotated_to: key.rotatedTo ?? null,
    last_used_at: key.lastUsedAt ?? null,
  };
}

export function memberFromRow(row: MembersTable): Member {
  const { issuer, subject } = row;
  return {
    id: memberId(row.id),
    tenantId: tenantId(row.tenant_id),
    email: row.email,
    name: row.name,
    role: row.role as Role,
    identity: issuer === null || subject === null ? undefined : { issuer, subject },
    createdAt: row.created_at,
    disabledAt: row.disabled_at ?? undefined,
    lastSeenAt: row.last_seen_at ?? undefined,
  };
}

export function memberToRow(member: Member): MembersTable {
  return {
    id: member.id,
    tenant_id: member.tenantId,
    email: member.email,
    name: member.name,
    role: member.role,
    issuer: member.identity?.issuer ?? null,
    subject: member.identity?.subject ?? null,
    created_at: member.createdAt,
    disabled_at: member.disabledAt ?? null,
    last_seen_at: member.lastSeenAt ?? null,
  };
}

export function sessionFromRow(row: SessionsTable): Session | undefined {
  const { key_id: key, member_id: member } = row;
  const holder = key !== null ? { keyId: keyId(key) } : member !== null ? { memberId: memberId(member) } : undefined;
  if (holder === undefined) return undefined;
  return {
    idHash: row.id_hash,
    tenantId: tenantId(row.tenant_id),
    holder,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

export function sessionToRow({ idHash, tenantId: tenant, holder, createdAt, expiresAt }: Session): SessionsTable {
  return {
    id_hash: idHash,
    tenant_id: tenant,
    key_id: 'keyId' in holder ? holder.keyId : null,
    member_id: 'memberId' in holder ? holder.memberId : null,
    created_at: createdAt,
    expires_at: expiresAt,
  };
}

export function auditFromRow(row: AuditTable): AuditRecord {
  return {
    id: row.id,
    tenantId: tenantId(row.tenant_id),
    at: row.at,
    actor: JSON.parse(row.actor),
    action: row.action,
    target: row.target,
    address: row.address ?? undefined,
    before: row.before_change === null ? undefined : JSON.parse(row.before_change),
    after: row.after_change === null ? undefined : JSON.parse(row.after_change),
    count: row.count,
  };
}

export function auditToRow(record: AuditRecord): AuditTable {
  return {
    id: record.id,
    tenant_id: record.tenantId,
    at: record.at,
    actor: JSON.stringify(record.actor),
    action: record.action,
    target: record.target,
    address: record.address ?? null,
    before_change: record.before === undefined ? null : JSON.stringify(record.before),
    after_change: record.after === undefined ? null : JSON.stringify(record.after),
    count: record.count,
  };
}
