import type { ApiKey } from '../domain/access/api-key.ts';
import type { Caller } from '../domain/access/caller.ts';
import { lesserRole, permissionsOf } from '../domain/access/permission.ts';
import type { Member, Session, Tenant } from '../domain/access/tenant.ts';
import type { KeyId, MemberId, TenantId } from '../domain/ids.ts';
import type { AccessReader } from './access-ports.ts';
import type { Clock } from './ports.ts';

/** A key or a member with all that its use depends on. */
export interface Holder {
  readonly caller: Caller;
  readonly tenant: Tenant;
  readonly key: ApiKey | undefined;
  readonly member: Member | undefined;
}

export interface AccessBookPorts {
  readonly reader: AccessReader;
  readonly clock: Clock;
}

/**
 * What authentication asks for on every request, kept in memory. A change that this process makes holds at once
 * (`changed`), one of another process (the command line, another API process) within a second: the access version of
 * the store is asked for that often, and everything is forgotten when it has risen.
 */
export class AccessBook {
  readonly #reader: AccessReader;
  readonly #clock: Clock;
  readonly #keys = new Bounded<KeyId, Holder>();
  readonly #members = new Bounded<MemberId, Holder>();
  readonly #sessions = new Bounded<string, Session>();
  #tenants: ReadonlyMap<string, Tenant> = new Map();
  #limitedKeys: ReadonlyMap<KeyId, number> = new Map();
  #version: number | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;
  /** Rises with every change, so that an answer that was asked for before is not kept after it. */
  #epoch = 0;
  #checking: Promise<void> | undefined;

  constructor({ reader, clock }: AccessBookPorts) {
    this.#reader = reader;
    this.#clock = clock;
  }

  /** Whether `refresh` would ask the store. */
  get isStale(): boolean {
    return this.#clock.now() - this.#checkedAt >= CHECK_MS;
  }

  /** Asks the store for its access version if that was not done for a second. */
  async refresh(): Promise<void> {
    if (!this.isStale) return;
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    await this.#checking;
  }

  /** To be called after every change that this process makes. */
  async changed(): Promise<void> {
    this.#epoch += 1;
    this.#checkedAt = Number.NEGATIVE_INFINITY;
    this.#version = undefined;
    // A check under way may have asked before the change: it does not count.
    await this.#checking;
    await this.refresh();
  }

  /** As of the last `refresh`. */
  tenant(id: TenantId): Tenant | undefined {
    return this.#tenants.get(id);
  }

  /** Keys whose running pictures are limited, with how many there may be; as of the last `refresh`. */
  get limitedKeys(): ReadonlyMap<KeyId, number> {
    return this.#limitedKeys;
  }

  keyHolder(id: KeyId): Holder | undefined | Promise<Holder | undefined> {
    return this.#keys.get(id) ?? this.#load(this.#keys, id, () => this.#readKey(id));
  }

  memberHolder(tenantId: TenantId, id: MemberId): Holder | undefined | Promise<Holder | undefined> {
    return this.#members.get(id) ?? this.#load(this.#members, id, () => this.#readMember(tenantId, id));
  }

  session(idHash: string): Session | undefined | Promise<Session | undefined> {
    return this.#sessions.get(idHash) ?? this.#load(this.#sessions, idHash, () => this.#reader.findSession(idHash));
  }

  async #check(): Promise<void> {
    const [epoch, at] = [this.#epoch, this.#clock.now()];
    const version = await this.#reader.accessVersion();
    if (version !== this.#version) {
      const tenants = await this.#reader.tenants();
      this.#tenants = new Map(tenants.map((tenant) => [tenant.id, tenant]));
      this.#limitedKeys = await this.#reader.keysWithRunningLimit();
      for (const kept of [this.#keys, this.#members, this.#sessions]) kept.clear();
      this.#version = version;
    }
    if (epoch === this.#epoch) this.#checkedAt = at;
  }

  async #load<Id, T>(kept: Bounded<Id, T>, id: Id, read: () => Promise<T | undefined>): Promise<T | undefined> {
    const [epoch, version] = [this.#epoch, this.#version];
    const found = await read();
    if (found !== undefined && epoch === this.#epoch && version === this.#version) kept.set(id, found);
    return found;
  }

  async #readKey(id: KeyId): Promise<Holder | undefined> {
    const key = await this.#reader.findKey(id);
    if (key === undefined) return undefined;
    const { tenantId, memberId, scopes, name } = key;
    const tenant = await this.#reader.findTenant(tenantId);
    const member = memberId && (await this.#reader.findMember(tenantId, memberId));
    if (tenant === undefined || (memberId !== undefined && member === undefined)) return undefined;
    const role = member === undefined ? key.role : lesserRole(key.role, member.role);
    const permissions = permissionsOf({ tenantId, role, scopes });
    return { caller: { tenantId, keyId: id, memberId, role, permissions, name }, tenant, key, member };
  }

  async #readMember(tenantId: TenantId, id: MemberId): Promise<Holder | undefined> {
    const member = await this.#reader.findMember(tenantId, id);
    const tenant = await this.#reader.findTenant(tenantId);
    if (member === undefined || tenant === undefined) return undefined;
    const { role, name, email } = member;
    const permissions = permissionsOf({ tenantId, role });
    const caller: Caller = { tenantId, memberId: id, role, permissions, name: name === '' ? email : name };
    return { caller, tenant, key: undefined, member };
  }
}

/** A map that forgets its oldest entries. */
class Bounded<Key, Value> {
  readonly #entries = new Map<Key, Value>();

  get(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  set(key: Key, value: Value): void {
    if (this.#entries.size >= MOST_KEPT) {
      const oldest = this.#entries.keys().next();
      if (oldest.done !== true) this.#entries.delete(oldest.value);
    }
    this.#entries.set(key, value);
  }

  clear(): void {
    this.#entries.clear();
  }
}

const CHECK_MS = 1_000;
/** Entries of about 1 kB. */
const MOST_KEPT = 10_000;
