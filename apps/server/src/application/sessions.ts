import { SECRET_LENGTH, SECRET_LETTERS } from '../domain/access/api-key.ts';
import type { Session } from '../domain/access/tenant.ts';
import type { TenantId } from '../domain/ids.ts';
import type { AccessStore, AccessTransaction, Secrets } from './access-ports.ts';
import type { Authenticate, Authenticated, Refusal } from './authenticate.ts';
import type { Clock } from './ports.ts';

export interface SessionsPorts {
  readonly authenticate: Authenticate;
  readonly store: AccessStore;
  readonly secrets: Secrets;
  readonly clock: Clock;
  /** Whoever comes back later signs in again. */
  readonly sessionMs: number;
}

/** A session that was begun; the token is the value of the cookie and is kept nowhere. */
export interface BegunSession {
  readonly token: string;
  readonly expiresAt: number;
  readonly who: Authenticated;
}

/** Sessions of browsers. One stands for the key or the member it was begun with, and ends with it. */
export interface Sessions {
  begin(keyText: string): Promise<BegunSession | Refusal>;
  /** Again is as good as once. */
  end(token: string): Promise<void>;
}

export function createSessions({ authenticate, store, secrets, clock, sessionMs }: SessionsPorts): Sessions {
  return {
    async begin(keyText) {
      const who = await authenticate.byKey(keyText);
      if ('reason' in who) return who;
      const { tenantId, keyId } = who.caller;
      if (keyId === undefined) return { code: 'unauthorized', reason: 'There is no such key.' };
      const settings = { secrets, now: clock.now(), sessionMs };
      const begun = await store.transact((transaction) => beginSession(transaction, settings, tenantId, { keyId }));
      return { ...begun, who };
    },
    end: (token) => store.transact((transaction) => transaction.removeSession(secrets.hash(token))),
  };
}

/** Adds a session for a key or a member, which must have been proven. */
export async function beginSession(
  transaction: AccessTransaction,
  { secrets, now, sessionMs }: { readonly secrets: Secrets; readonly now: number; readonly sessionMs: number },
  tenantId: TenantId,
  holder: Session['holder'],
): Promise<Pick<BegunSession, 'token' | 'expiresAt'>> {
  const token = secrets.random(SECRET_LENGTH, SECRET_LETTERS);
  const expiresAt = now + sessionMs;
  await transaction.addSession({ idHash: secrets.hash(token), tenantId, holder, createdAt: now, expiresAt });
  return { token, expiresAt };
}
