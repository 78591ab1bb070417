import { type RawBuilder, sql } from 'kysely';

/** Migration 0004: tenants, members, keys, sessions, audit log, quotas and usage. */
export const tenantTables = (): readonly RawBuilder<unknown>[] => [
  sql`
    create table tenants (
      tenant_id text not null primary key,
      name text not null,
      created_at bigint not null,
      disabled_at bigint,
      weight double precision not null,
      limits text not null
    )`,
  sql`
    insert into tenants (tenant_id, name, created_at, weight, limits)
    values ('default', 'default', ${sql.lit(Date.now())}, 1, '{}')`,
  sql`
    create table members (
      id text not null primary key,
      tenant_id text not null references tenants (tenant_id),
      email text not null,
      name text not null,
      role text not null,
      issuer text,
      subject text,
      created_at bigint not null,
      disabled_at bigint,
      last_seen_at bigint
    )`,
  sql`create unique index members_by_email on members (tenant_id, email)`,
  sql`create unique index members_by_identity on members (issuer, subject) where subject is not null`,
  sql`
    create table api_keys (
      id text not null primary key,
      tenant_id text not null references tenants (tenant_id),
      member_id text references members (id),
      name text not null,
      role text not null,
      scopes text,
      secret_hash text not null,
      limits text not null,
      created_at bigint not null,
      created_by text not null,
      expires_at bigint,
      revoked_at bigint,
      rotated_to text,
      last_used_at bigint
    )`,
  sql`create index api_keys_by_tenant on api_keys (tenant_id, id)`,
  sql`
    create table sessions (
      id_hash text not null primary key,
      tenant_id text not null references tenants (tenant_id),
      key_id text references api_keys (id),
      member_id text references members (id),
      created_at bigint not null,
      expires_at bigint not null
    )`,
  sql`create index sessions_by_expiry on sessions (expires_at)`,
  // A sign-in that has only begun belongs to nobody yet: it is counted as the installation's.
  sql`
    create table sign_ins (
      id_hash text not null primary key,
      tenant_id text not null,
      state text not null,
      nonce text not null,
      code_verifier text not null,
      return_to text not null,
      expires_at bigint not null
    )`,
  sql`create index sign_ins_by_expiry on sign_ins (expires_at)`,
  sql`
    create table audit (
      id text not null primary key,
      tenant_id text not null,
      at bigint not null,
      actor text not null,
      action text not null,
      target text not null,
      address text,
      before_change text,
      after_change text,
      count bigint not null
    )`,
  sql`create index audit_by_tenant on audit (tenant_id, id)`,
  // What a job that has not ended was promised; the row goes when the job ends, so each is settled once.
  sql`
    create table reservations (
      job_id text not null primary key,
      tenant_id text not null,
      key_id text not null,
      cost_ms double precision not null,
      reserved_at bigint not null
    )`,
  sql`create index reservations_by_key on reservations (tenant_id, key_id)`,
  sql`
    insert into reservations (job_id, tenant_id, key_id, cost_ms, reserved_at)
    select id, tenant_id, '', cost_ms, created_at from jobs where state in ('queued', 'running')`,
  sql`
    create table quota_counters (
      tenant_id text not null,
      subject text not null,
      period text not null,
      reserved bigint not null,
      pictures bigint not null,
      reserved_ms double precision not null,
      device_ms double precision not null,
      primary key (tenant_id, subject, period)
    )`,
  sql`
    insert into quota_counters (tenant_id, subject, period, reserved, pictures, reserved_ms, device_ms)
    select tenant_id, '', 'open', count(*), 0, sum(cost_ms), 0 from reservations group by tenant_id`,
  sql`
    create table usage_days (
      tenant_id text not null,
      day bigint not null,
      key_id text not null,
      model text not null,
      size text not null,
      requests bigint not null,
      pictures bigint not null,
      failed bigint not null,
      device_ms double precision not null,
      cost_micros double precision not null,
      primary key (tenant_id, day, key_id, model, size)
    )`,
  sql`create index usage_days_by_day on usage_days (day)`,
  sql`
    create table prices (
      since bigint not null primary key,
      currency text not null,
      per_picture double precision not null,
      per_device_second double precision not null
    )`,
];
