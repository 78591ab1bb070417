/** Tables of tenants and what they may and did use; conventions as in `schema.ts`. */
export interface TenantsTable {
  tenant_id: string;
  name: string;
  created_at: number;
  disabled_at: number | null;
  weight: number;
  /** JSON of `Limits`. */
  limits: string;
  /** JSON of `LabelOverride`. */
  labels: string;
}

export interface MembersTable {
  id: string;
  tenant_id: string;
  email: string;
  name: string;
  role: string;
  issuer: string | null;
  subject: string | null;
  created_at: number;
  disabled_at: number | null;
  last_seen_at: number | null;
}

export interface ApiKeysTable {
  id: string;
  tenant_id: string;
  member_id: string | null;
  name: string;
  role: string;
  /** JSON of a list of permissions; null leaves the role whole. */
  scopes: string | null;
  secret_hash: string;
  limits: string;
  created_at: number;
  created_by: string;
  expires_at: number | null;
  revoked_at: number | null;
  rotated_to: string | null;
  last_used_at: number | null;
}

export interface SessionsTable {
  id_hash: string;
  tenant_id: string;
  key_id: string | null;
  member_id: string | null;
  created_at: number;
  expires_at: number;
}

export interface SignInsTable {
  id_hash: string;
  tenant_id: string;
  state: string;
  nonce: string;
  code_verifier: string;
  return_to: string;
  expires_at: number;
}

export interface AuditTable {
  id: string;
  tenant_id: string;
  at: number;
  actor: string;
  action: string;
  target: string;
  address: string | null;
  before_change: string | null;
  after_change: string | null;
  count: number;
}

export interface ReservationsTable {
  job_id: string;
  tenant_id: string;
  /** Empty where a request had no key. */
  key_id: string;
  cost_ms: number;
  reserved_at: number;
}

export interface QuotaCountersTable {
  tenant_id: string;
  /** Empty for the tenant as a whole, else a key. */
  subject: string;
  /** `open`, `day 2026-11-24`, `month 2026-11`. */
  period: string;
  reserved: number;
  pictures: number;
  reserved_ms: number;
  device_ms: number;
}

export interface UsageDaysTable {
  tenant_id: string;
  /** Days since 1970 (UTC). */
  day: number;
  key_id: string;
  model: string;
  /** `1024x1024` */
  size: string;
  requests: number;
  pictures: number;
  failed: number;
  rejected: number;
  device_ms: number;
  /** Millionths of the currency. */
  cost_micros: number;
}

/** Prices of the installation; those of a time are the newest before it. */
export interface PricesTable {
  since: number;
  currency: string;
  per_picture: number;
  per_device_second: number;
  hosted_per_picture: number | null;
}

export interface TenantTables {
  tenants: TenantsTable;
  members: MembersTable;
  api_keys: ApiKeysTable;
  sessions: SessionsTable;
  sign_ins: SignInsTable;
  audit: AuditTable;
  reservations: ReservationsTable;
  quota_counters: QuotaCountersTable;
  usage_days: UsageDaysTable;
  prices: PricesTable;
}
