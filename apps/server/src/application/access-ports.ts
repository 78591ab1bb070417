/**
 * What authentication and administration need of the store.
 *
 * - *access version*: rises with every change of tenants, members, keys and sessions; whoever keeps some of them in
 *   memory forgets them when it does, also when another process made the change.
 */
import type { ApiKey } from '../domain/access/api-key.ts';
import type { AuditQuery, AuditRecord } from '../domain/access/audit.ts';
import type { Member, Session, Tenant } from '../domain/access/tenant.ts';
import type { SigningKey } from '../domain/asset-link.ts';
import type { KeyId, MemberId, TenantId } from '../domain/ids.ts';

export interface AccessReader {
  accessVersion(): Promise<number>;
  tenants(): Promise<readonly Tenant[]>;
  findTenant(id: TenantId): Promise<Tenant | undefined>;
  /** Of whichever tenant: the key says itself whose it is. */
  findKey(id: KeyId): Promise<ApiKey | undefined>;
  /** Newest first. */
  listKeys(query: PageQuery<KeyId>): Promise<readonly ApiKey[]>;
  /** Keys whose running pictures are limited, with how many there may be. */
  keysWithRunningLimit(): Promise<ReadonlyMap<KeyId, number>>;
  /** Whether there is a key that would be accepted. */
  hasUsableKey(now: number): Promise<boolean>;
  findMember(tenantId: TenantId, id: MemberId): Promise<Member | undefined>;
  findMemberByEmail(tenantId: TenantId, email: string): Promise<Member | undefined>;
  /** Those of any tenant who were invited under this address: who signs in proves it, not which tenant it is for. */
  findMembersByEmail(email: string): Promise<readonly Member[]>;
  findMemberByIdentity(identity: NonNullable<Member['identity']>): Promise<Member | undefined>;
  listMembers(query: PageQuery<MemberId>): Promise<readonly Member[]>;
  findSession(idHash: string): Promise<Session | undefined>;
  /** Secrets that sign addresses of pictures, newest first. */
  signingKeys(): Promise<readonly SigningKey[]>;
  /** Newest first. */
  audit(query: AuditQuery): Promise<readonly AuditRecord[]>;
}

export interface PageQuery<Id> {
  readonly tenantId: TenantId;
  readonly limit: number;
  /** Only those older than this one. */
  readonly after?: Id | undefined;
}

/** Each change raises the access version, but for what is only noted: last use and audit. */
export interface AccessTransaction extends AccessReader {
  saveTenant(tenant: Tenant): Promise<void>;
  /** Whether a tenant has drawn, uploaded or handed in anything that is kept. */
  hasRecords(id: TenantId): Promise<boolean>;
  /** Removes a tenant without records with its keys, members, sessions and webhooks. Its audit log stays. */
  removeTenant(id: TenantId): Promise<void>;
  saveKey(key: ApiKey): Promise<void>;
  noteKeyUse(id: KeyId, at: number): Promise<void>;
  saveMember(member: Member): Promise<void>;
  noteMemberSeen(id: MemberId, at: number): Promise<void>;
  addSession(session: Session): Promise<void>;
  removeSession(idHash: string): Promise<void>;
  /** Removes some of the sessions and sign-ins that ended before the time; gives how many. */
  forgetSessions(query: { readonly now: number; readonly limit: number }): Promise<number>;
  addSigningKey(key: SigningKey): Promise<void>;
  removeSigningKeys(ids: readonly string[]): Promise<void>;
  addAudit(records: readonly AuditRecord[]): Promise<void>;
  /** A sign-in that was begun, under the hash of the browser's cookie. */
  addSignIn(signIn: SignIn): Promise<void>;
  /** Takes a sign-in out, so that it ends once; undefined when there is none or its time is over. */
  takeSignIn(idHash: string, now: number): Promise<SignIn | undefined>;
}

/** What a sign-in with a provider needs between its two halves. */
export interface SignIn {
  readonly idHash: string;
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  readonly returnTo: string;
  readonly expiresAt: number;
}

/** The records of access. */
export interface AccessStore {
  readonly reader: AccessReader;
  /** Runs the changes in one transaction; on disk when it returns. */
  transact<T>(work: (transaction: AccessTransaction) => Promise<T>): Promise<T>;
}

/** Randomness and hashes. */
export interface Secrets {
  /** Text of so many letters, each drawn evenly from those given. */
  random(length: number, letters: string): string;
  /** SHA-256 of the UTF-8 text, in hex. */
  hash(text: string): string;
  /** HMAC-SHA256 of the UTF-8 text, base64url. */
  mac(secret: string, text: string): string;
  /** Compares in a time that does not depend on where the texts differ. */
  isEqual(a: string, b: string): boolean;
}
