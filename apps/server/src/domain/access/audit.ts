import type { KeyId, MemberId, TenantId } from '../ids.ts';

/** One administrative act, or failed authentications of one kind. Never holds a secret. */
export interface AuditRecord {
  /** UUID version 7: sorts by time. */
  readonly id: string;
  /** Whose affairs it was about; who administers this tenant sees it. */
  readonly tenantId: TenantId;
  readonly at: number;
  readonly actor: AuditActor;
  /** `key.created`, `tenant.disabled`, `authentication.failed`. */
  readonly action: string;
  /** What it was done to: an id, or the route. */
  readonly target: string;
  /** Network address it came from; undefined for the command line. */
  readonly address: string | undefined;
  readonly before: Readonly<Record<string, unknown>> | undefined;
  readonly after: Readonly<Record<string, unknown>> | undefined;
  /** How many times, for failures that were put together. */
  readonly count: number;
}

export interface AuditActor {
  readonly name: string;
  readonly tenantId?: TenantId | undefined;
  readonly keyId?: KeyId | undefined;
  readonly memberId?: MemberId | undefined;
}

export interface AuditQuery {
  readonly tenantId: TenantId;
  readonly limit: number;
  /** Only those older than this one. */
  readonly after?: string | undefined;
  readonly action?: string | undefined;
  /** ms since 1970, from included, to excluded. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** Fields of two records that differ, as before and after. */
export function differences(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Pick<AuditRecord, 'before' | 'after'> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  const pick = (record: Readonly<Record<string, unknown>>): Record<string, unknown> =>
    Object.fromEntries(names.map((name) => [name, record[name] ?? null]));
  return { before: pick(before), after: pick(after) };
}
