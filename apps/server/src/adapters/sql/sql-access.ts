import { type Kysely, sql } from 'kysely';
import type { AccessReader, AccessTransaction, PageQuery, SignIn } from '../../application/access-ports.ts';
import type { ApiKey } from '../../domain/access/api-key.ts';
import type { AuditQuery, AuditRecord } from '../../domain/access/audit.ts';
import type { Limits } from '../../domain/access/limits.ts';
import type { Member, Session, Tenant } from '../../domain/access/tenant.ts';
import type { SigningKey } from '../../domain/asset-link.ts';
import { DEFAULT_TENANT, type KeyId, keyId, type MemberId, type TenantId } from '../../domain/ids.ts';
import {
  auditFromRow,
  auditToRow,
  keyFromRow,
  keyToRow,
  memberFromRow,
  memberToRow,
  sessionFromRow,
  sessionToRow,
  tenantFromRow,
  tenantToRow,
} from './access-rows.ts';
import type { Tables } from './schema.ts';

/** Questions about tenants, members, keys, sessions and the audit log. */
export class SqlAccessReader implements AccessReader {
  protected readonly queries: Kysely<Tables>;

  constructor(queries: Kysely<Tables>) {
    this.queries = queries;
  }

  async accessVersion(): Promise<number> {
    const row = await this.queries
      .selectFrom('counters')
      .select('value')
      .where('name', '=', VERSION)
      .executeTakeFirst();
    return row?.value ?? 0;
  }

  async tenants(): Promise<readonly Tenant[]> {
    const rows = await this.queries.selectFrom('tenants').selectAll().orderBy('tenant_id').execute();
    return rows.map(tenantFromRow);
  }

  async findTenant(id: TenantId): Promise<Tenant | undefined> {
    const row = await this.queries.selectFrom('tenants').selectAll().where('tenant_id', '=', id).executeTakeFirst();
    return row && tenantFromRow(row);
  }

  async findKey(id: KeyId): Promise<ApiKey | undefined> {
    const row = await this.queries.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();
    return row && keyFromRow(row);
  }

  async listKeys({ tenantId, limit, after }: PageQuery<KeyId>): Promise<readonly ApiKey[]> {
    let select = this.queries.selectFrom('api_keys').selectAll().where('tenant_id', '=', tenantId);
    if (after !== undefined) select = select.where('id', '<', after);
    return (await select.orderBy('id', 'desc').limit(limit).execute()).map(keyFromRow);
  }

  async keysWithRunningLimit(): Promise<ReadonlyMap<KeyId, number>> {
    const rows = await this.queries
      .selectFrom('api_keys')
      .select(['id', 'limits'])
      .where('limits', 'like', '%"maxRunning"%')
      .execute();
    const limits = rows.map(({ id, limits: text }) => [keyId(id), (JSON.parse(text) as Limits).maxRunning] as const);
    return new Map(limits.flatMap(([id, most]) => (most === undefined ? [] : [[id, most]])));
  }

  async hasUsableKey(now: number): Promise<boolean> {
    const row = await this.queries
      .selectFrom('api_keys')
      .innerJoin('tenants', 'tenants.tenant_id', 'api_keys.tenant_id')
      .select('api_keys.id')
      .where('tenants.disabled_at', 'is', null)
      .where('api_keys.revoked_at', 'is', null)
      .where((where) => where.or([where('api_keys.expires_at', 'is', null), where('api_keys.expires_at', '>', now)]))
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  async findMember(tenantId: TenantId, id: MemberId): Promise<Member | undefined> {
    return this.#member({ tenant_id: tenantId, id });
  }

  async findMemberByEmail(tenantId: TenantId, email: string): Promise<Member | undefined> {
    return this.#member({ tenant_id: tenantId, email });
  }

  async findMembersByEmail(email: string): Promise<readonly Member[]> {
    const select = this.queries.selectFrom('members').selectAll().where('email', '=', email);
    return (await select.orderBy('id').limit(MOST_TENANTS_OF_ONE).execute()).map(memberFromRow);
  }

  async findMemberByIdentity({ issuer, subject }: NonNullable<Member['identity']>): Promise<Member | undefined> {
    return this.#member({ issuer, subject });
  }

  async listMembers({ tenantId, limit, after }: PageQuery<MemberId>): Promise<readonly Member[]> {
    let select = this.queries.selectFrom('members').selectAll().where('tenant_id', '=', tenantId);
    if (after !== undefined) select = select.where('id', '<', after);
    return (await select.orderBy('id', 'desc').limit(limit).execute()).map(memberFromRow);
  }

  async findSession(idHash: string): Promise<Session | undefined> {
    const row = await this.queries.selectFrom('sessions').selectAll().where('id_hash', '=', idHash).executeTakeFirst();
    return row && sessionFromRow(row);
  }

  async signingKeys(): Promise<readonly SigningKey[]> {
    const rows = await this.queries.selectFrom('signing_keys').selectAll().orderBy('created_at', 'desc').execute();
    return rows.map(({ id, secret, created_at: createdAt }) => ({ id, secret, createdAt }));
  }

  /** Keyset pages over the index `audit_by_tenant`. */
  async audit({ tenantId, limit, after, action, from, to }: AuditQuery): Promise<readonly AuditRecord[]> {
    let select = this.queries.selectFrom('audit').selectAll().where('tenant_id', '=', tenantId);
    if (after !== undefined) select = select.where('id', '<', after);
    if (action !== undefined) select = select.where('action', '=', action);
    if (from !== undefined) select = select.where('at', '>=', from);
    if (to !== undefined) select = select.where('at', '<', to);
    return (await select.orderBy('id', 'desc').limit(limit).execute()).map(auditFromRow);
  }

  async #member(
    where: Partial<Record<'tenant_id' | 'id' | 'email' | 'issuer' | 'subject', string>>,
  ): Promise<Member | undefined> {
    let select = this.queries.selectFrom('members').selectAll();
    for (const [name, value] of Object.entries(where)) select = select.where(name as keyof typeof where, '=', value);
    const row = await select.executeTakeFirst();
    return row && memberFromRow(row);
  }
}

/** Changes of tenants, members, keys and sessions, inside a transaction. */
export class SqlAccess extends SqlAccessReader implements AccessTransaction {
  async saveTenant(tenant: Tenant): Promise<void> {
    const row = tenantToRow(tenant);
    await this.queries
      .insertInto('tenants')
      .values(row)
      .onConflict((conflict) => conflict.column('tenant_id').doUpdateSet(row))
      .execute();
    await this.#raiseVersion();
  }

  async hasRecords(id: TenantId): Promise<boolean> {
    for (const table of tablesOfRecords) {
      const select = sql<{ one: number }>`select 1 as one from ${sql.table(table)} where tenant_id = ${id} limit 1`;
      if ((await select.execute(this.queries)).rows.length > 0) return true;
    }
    return false;
  }

  async removeTenant(id: TenantId): Promise<void> {
    for (const table of tablesOfAccess) {
      await sql`delete from ${sql.table(table)} where tenant_id = ${id}`.execute(this.queries);
    }
    await this.#raiseVersion();
  }

  async saveKey(key: ApiKey): Promise<void> {
    // When it was last used is noted beside other changes and must not be set back by them.
    const { last_used_at: _noted, ...row } = keyToRow(key);
    await this.queries
      .insertInto('api_keys')
      .values({ ...row, last_used_at: null })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
    await this.#raiseVersion();
  }

  async noteKeyUse(id: KeyId, at: number): Promise<void> {
    await this.queries.updateTable('api_keys').set({ last_used_at: at }).where('id', '=', id).execute();
  }

  async saveMember(member: Member): Promise<void> {
    const { last_seen_at: _noted, ...row } = memberToRow(member);
    await this.queries
      .insertInto('members')
      .values({ ...row, last_seen_at: member.lastSeenAt ?? null })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
    await this.#raiseVersion();
  }

  async noteMemberSeen(id: MemberId, at: number): Promise<void> {
    await this.queries.updateTable('members').set({ last_seen_at: at }).where('id', '=', id).execute();
  }

  async addSession(session: Session): Promise<void> {
    await this.queries.insertInto('sessions').values(sessionToRow(session)).execute();
  }

  async removeSession(idHash: string): Promise<void> {
    await this.queries.deleteFrom('sessions').where('id_hash', '=', idHash).execute();
    await this.#raiseVersion();
  }

  async forgetSessions({ now, limit }: { readonly now: number; readonly limit: number }): Promise<number> {
    let forgotten = 0;
    for (const table of ['sessions', 'sign_ins'] as const) {
      const { numAffectedRows } = await sql`
        delete from ${sql.table(table)} where id_hash in (
          select id_hash from ${sql.table(table)} where expires_at <= ${now} limit ${limit}
        )
      `.execute(this.queries);
      forgotten += Number(numAffectedRows ?? 0);
    }
    return forgotten;
  }

  async addSigningKey({ id, secret, createdAt }: SigningKey): Promise<void> {
    await this.queries.insertInto('signing_keys').values({ id, secret, created_at: createdAt }).execute();
  }

  async removeSigningKeys(ids: readonly string[]): Promise<void> {
    if (ids.length > 0)
      await this.queries
        .deleteFrom('signing_keys')
        .where('id', 'in', [...ids])
        .execute();
  }

  async addAudit(records: readonly AuditRecord[]): Promise<void> {
    if (records.length > 0) await this.queries.insertInto('audit').values(records.map(auditToRow)).execute();
  }

  async addSignIn({ idHash, state, nonce, codeVerifier, returnTo, expiresAt }: SignIn): Promise<void> {
    await this.queries
      .insertInto('sign_ins')
      .values({
        id_hash: idHash,
        tenant_id: DEFAULT_TENANT,
        state,
        nonce,
        code_verifier: codeVerifier,
        return_to: returnTo,
        expires_at: expiresAt,
      })
      .execute();
  }

  async takeSignIn(idHash: string, now: number): Promise<SignIn | undefined> {
    const row = await this.queries
      .deleteFrom('sign_ins')
      .where('id_hash', '=', idHash)
      .returningAll()
      .executeTakeFirst();
    if (row === undefined || row.expires_at <= now) return undefined;
    return {
      idHash,
      state: row.state,
      nonce: row.nonce,
      codeVerifier: row.code_verifier,
      returnTo: row.return_to,
      expiresAt: row.expires_at,
    };
  }

  async #raiseVersion(): Promise<void> {
    await this.queries
      .insertInto('counters')
      .values({ name: VERSION, value: 1 })
      .onConflict((conflict) =>
        conflict.column('name').doUpdateSet((set) => ({ value: set('counters.value', '+', 1) })),
      )
      .execute();
  }
}

const VERSION = 'access_version';
/** What a tenant leaves behind by using the server. */
const tablesOfRecords = ['generations', 'assets', 'bulks', 'orders', 'kept_files', 'usage_days'] as const;
/** What a tenant is made of; what refers to another comes first. */
const tablesOfAccess = [
  'webhook_deliveries',
  'webhooks',
  'sessions',
  'api_keys',
  'members',
  'quota_counters',
  'fair_accounts',
  'tenants',
] as const;
/** Tenants that one address may be invited to and still find each of them. */
const MOST_TENANTS_OF_ONE = 100;
