import { keyState, parseKey } from '../domain/access/api-key.ts';
import type { Caller } from '../domain/access/caller.ts';
import type { Limits } from '../domain/access/limits.ts';
import type { KeyId, TenantId } from '../domain/ids.ts';
import type { AccessBook, Holder } from './access-book.ts';
import type { AccessStore, Secrets } from './access-ports.ts';
import type { Clock, Logger } from './ports.ts';

/** Somebody who may go on. */
export interface Authenticated {
  readonly caller: Caller;
  readonly limits: { readonly tenant: Limits; readonly key: Limits | undefined };
}

/** Why somebody may not. What a wrong secret could learn from is not in it. */
export interface Refusal {
  readonly code: 'unauthorized' | 'tenant_disabled';
  /** One sentence. */
  readonly reason: string;
  /** Whose key or session it was, once its secret was proven. */
  readonly tenantId?: TenantId | undefined;
  readonly keyId?: KeyId | undefined;
}

export interface Authenticate {
  byKey(text: string): Promise<Authenticated | Refusal>;
  /** @param token the value of the cookie */
  bySession(token: string): Promise<Authenticated | Refusal>;
}

export interface AuthenticatePorts {
  readonly book: AccessBook;
  readonly store: AccessStore;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Finds out who calls. A key that is known costs a hash and a comparison, no question to the store. */
export function createAuthenticate({ book, store, secrets, clock, log }: AuthenticatePorts): Authenticate {
  const uses = new Map<KeyId, number>();

  function noteUse(id: KeyId, now: number): void {
    const noted = uses.get(id);
    if (noted !== undefined && now - noted < NOTE_MS) return;
    if (uses.size >= MOST_NOTED) uses.clear();
    uses.set(id, now);
    store
      .transact((transaction) => transaction.noteKeyUse(id, now))
      .catch((err: unknown) => log.warn({ err, keyId: id }, 'the last use of a key could not be noted'));
  }

  function answer(holder: Holder, now: number): Authenticated | Refusal {
    const { tenant, key, member, caller } = holder;
    const whose = { tenantId: tenant.id, keyId: key?.id };
    const state = key === undefined ? 'active' : keyState(key, now);
    if (key !== undefined && state !== 'active') {
      const at = new Date((state === 'revoked' ? key.revokedAt : key.expiresAt) ?? now).toISOString();
      const words = state === 'revoked' ? 'was revoked' : 'expired';
      return { code: 'unauthorized', reason: `The key ${key.id} ${words} at ${at}.`, ...whose };
    }
    if (member?.disabledAt !== undefined) {
      return { code: 'unauthorized', reason: `The member ${member.email} is disabled.`, ...whose };
    }
    if (tenant.disabledAt !== undefined) {
      return { code: 'tenant_disabled', reason: `The tenant ${tenant.id} is disabled.`, ...whose };
    }
    if (key !== undefined) noteUse(key.id, now);
    return { caller, limits: { tenant: tenant.limits, key: key?.limits } };
  }

  return {
    async byKey(text) {
      if (book.isStale) await book.refresh();
      const parsed = parseKey(text);
      if (parsed === undefined) return { code: 'unauthorized', reason: 'What was sent is not an API key.' };
      const found = book.keyHolder(parsed.id);
      const holder = found instanceof Promise ? await found : found;
      const isProven = holder?.key !== undefined && secrets.isEqual(secrets.hash(parsed.secret), holder.key.secretHash);
      if (!isProven) return { code: 'unauthorized', reason: 'There is no such key.' };
      return answer(holder, clock.now());
    },

    async bySession(token) {
      if (book.isStale) await book.refresh();
      const now = clock.now();
      const session = await book.session(secrets.hash(token));
      if (session === undefined || session.expiresAt <= now) {
        return { code: 'unauthorized', reason: 'The session has ended.' };
      }
      const { holder: by, tenantId } = session;
      const holder = await ('keyId' in by ? book.keyHolder(by.keyId) : book.memberHolder(tenantId, by.memberId));
      if (holder === undefined) return { code: 'unauthorized', reason: 'The session has ended.' };
      return answer(holder, now);
    },
  };
}

/** The last use is written at most this often for each key. */
const NOTE_MS = 60_000;
const MOST_NOTED = 100_000;
