import {
  type ApiKey,
  KEY_ID_LENGTH,
  KEY_ID_LETTERS,
  keyState,
  keyText,
  newKeyId,
  SECRET_LENGTH,
  SECRET_LETTERS,
} from '../domain/access/api-key.ts';
import { differences } from '../domain/access/audit.ts';
import { changeLimits, type LimitChange, type Limits } from '../domain/access/limits.ts';
import type { Permission, Role } from '../domain/access/permission.ts';
import { AppError } from '../domain/errors.ts';
import type { KeyId, MemberId, TenantId } from '../domain/ids.ts';
import type { AccessReader, AccessStore, AccessTransaction, Secrets } from './access-ports.ts';
import type { Clock, IdSource } from './ports.ts';
import { requireRights, requireTenant } from './require-rights.ts';
import { type Act, writeAudit } from './write-audit.ts';

export interface ManageKeysPorts {
  readonly store: AccessStore;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly ids: IdSource;
}

export interface NewKey {
  readonly tenantId: TenantId;
  readonly name: string;
  readonly role: Role;
  readonly scopes?: readonly Permission[] | undefined;
  readonly memberId?: MemberId | undefined;
  /** ms since 1970; undefined never. */
  readonly expiresAt?: number | undefined;
  readonly limits?: Limits | undefined;
}

/** A key with the text that is shown this once. */
export interface IssuedKey {
  readonly key: ApiKey;
  readonly text: string;
}

/** What is to be changed of a key; undefined stays. */
export interface KeyChange {
  readonly name?: string | undefined;
  readonly role?: Role | undefined;
  /** Null leaves the role whole. */
  readonly scopes?: readonly Permission[] | null | undefined;
  /** ms since 1970; null lets it never end. */
  readonly expiresAt?: number | null | undefined;
  readonly limits?: LimitChange | undefined;
}

export interface ManageKeys {
  /** @throws AppError `forbidden` for more rights than the caller has, `tenant_not_found`, `member_not_found` */
  create(act: Act, input: NewKey): Promise<IssuedKey>;
  /** Newest first, one more than a page when there is one. */
  list(query: { tenantId: TenantId; limit: number; after?: KeyId | undefined }): Promise<readonly ApiKey[]>;
  /** @throws AppError `key_not_found` */
  get(which: KeyOf): Promise<ApiKey>;
  /**
   * Also one whose time is over: a later end makes it good again.
   *
   * @throws AppError `key_not_found`, `key_not_active` once it is revoked, `forbidden` when it would have more rights
   * than the caller
   */
  change(act: Act, which: KeyOf, change: KeyChange): Promise<ApiKey>;
  /** Again is as good as once. @throws AppError `key_not_found` */
  revoke(act: Act, which: KeyOf): Promise<ApiKey>;
  /** A new key with the same rights; the old one is good for a while longer. @throws AppError `key_not_found` */
  rotate(act: Act, which: KeyOf & { readonly overlapMs: number }): Promise<IssuedKey & { readonly old: ApiKey }>;
}

export interface KeyOf {
  readonly tenantId: TenantId;
  readonly id: KeyId;
}

/** Keys of tenants. Every act is in the audit log, in the same transaction, without secrets. */
export function createManageKeys(ports: ManageKeysPorts): ManageKeys {
  const { store, secrets, clock } = ports;

  function issue(fields: Omit<ApiKey, 'id' | 'secretHash' | 'createdAt' | 'revokedAt' | 'rotatedTo' | 'lastUsedAt'>) {
    const [now, secret] = [clock.now(), secrets.random(SECRET_LENGTH, SECRET_LETTERS)];
    const key: ApiKey = {
      ...fields,
      id: newKeyId(now, secrets.random(KEY_ID_LENGTH, KEY_ID_LETTERS)),
      secretHash: secrets.hash(secret),
      createdAt: now,
      revokedAt: undefined,
      rotatedTo: undefined,
      lastUsedAt: undefined,
    };
    return { key, text: keyText(key.id, secret) };
  }

  return {
    create: (act, input) =>
      store.transact(async (transaction) => {
        await requireTenant(transaction, input.tenantId);
        requireRights(act.caller, input, 'keys:manage');
        await requireMember(transaction, input);
        const { tenantId, name, role, scopes, memberId, expiresAt, limits = {} } = input;
        const createdBy = act.caller.name;
        const issued = issue({ tenantId, name, role, scopes, memberId, expiresAt, limits, createdBy });
        await transaction.saveKey(issued.key);
        const after = publicFacts(issued.key);
        await writeAudit(transaction, ports, act, { action: 'key.created', target: issued.key.id, tenantId, after });
        return issued;
      }),

    list: (query) => store.reader.listKeys(query),

    get: ({ tenantId, id }) => requireKey(store.reader, tenantId, id),

    change: (act, which, change) => changeKey(ports, act, which, change),

    revoke: (act, { tenantId, id }) =>
      store.transact(async (transaction) => {
        const key = await requireKey(transaction, tenantId, id);
        if (key.revokedAt !== undefined) return key;
        const revoked = { ...key, revokedAt: clock.now() };
        await transaction.saveKey(revoked);
        const change = differences(publicFacts(key), publicFacts(revoked));
        await writeAudit(transaction, ports, act, { action: 'key.revoked', target: id, tenantId, ...change });
        return revoked;
      }),

    rotate: (act, { tenantId, id, overlapMs }) =>
      store.transact(async (transaction) => {
        const now = clock.now();
        const key = await requireKey(transaction, tenantId, id);
        if (keyState(key, now) !== 'active') throw notActive(key, now);
        requireRights(act.caller, key, 'keys:manage');
        const { name, role, scopes, memberId, expiresAt, limits } = key;
        const createdBy = act.caller.name;
        const issued = issue({ tenantId, name, role, scopes, memberId, expiresAt, limits, createdBy });
        const old: ApiKey = {
          ...key,
          expiresAt: Math.min(key.expiresAt ?? Number.MAX_SAFE_INTEGER, now + overlapMs),
          rotatedTo: issued.key.id,
        };
        await transaction.saveKey(issued.key);
        await transaction.saveKey(old);
        const change = differences(publicFacts(key), publicFacts(old));
        await writeAudit(transaction, ports, act, { action: 'key.rotated', target: id, tenantId, ...change });
        return { ...issued, old };
      }),
  };
}

function changeKey(ports: ManageKeysPorts, act: Act, { tenantId, id }: KeyOf, change: KeyChange): Promise<ApiKey> {
  return ports.store.transact(async (transaction) => {
    const before = await requireKey(transaction, tenantId, id);
    if (before.revokedAt !== undefined) throw notActive(before, ports.clock.now());
    const after = changed(before, change);
    const changes = differences(publicFacts(before), publicFacts(after));
    if (Object.keys(changes.after ?? {}).length === 0) return before;
    requireRights(act.caller, after, 'keys:manage');
    await transaction.saveKey(after);
    await writeAudit(transaction, ports, act, { action: 'key.changed', target: id, tenantId, ...changes });
    return after;
  });
}

/** What may be shown of a key, also in the audit log. */
export function publicFacts(key: ApiKey): Readonly<Record<string, unknown>> {
  const { secretHash: _hash, lastUsedAt: _used, ...facts } = key;
  return facts;
}

function changed(key: ApiKey, { name, role, scopes, expiresAt, limits }: KeyChange): ApiKey {
  return {
    ...key,
    name: name ?? key.name,
    role: role ?? key.role,
    scopes: scopes === undefined ? key.scopes : (scopes ?? undefined),
    expiresAt: expiresAt === undefined ? key.expiresAt : (expiresAt ?? undefined),
    limits: limits === undefined ? key.limits : changeLimits(key.limits, limits),
  };
}

function notActive(key: ApiKey, now: number): AppError {
  const state = keyState(key, now);
  const message = `The key ${key.id} is ${state}; make a new one instead.`;
  return new AppError('key_not_active', message, { details: { state } });
}

async function requireMember(transaction: AccessTransaction, { tenantId, memberId }: NewKey): Promise<void> {
  if (memberId === undefined || (await transaction.findMember(tenantId, memberId)) !== undefined) return;
  throw new AppError('member_not_found', `The tenant ${tenantId} has no member ${memberId}.`);
}

async function requireKey(reader: AccessReader, tenantId: TenantId, id: KeyId): Promise<ApiKey> {
  const key = await reader.findKey(id);
  if (key?.tenantId === tenantId) return key;
  throw new AppError('key_not_found', `There is no key ${JSON.stringify(id)}.`);
}
