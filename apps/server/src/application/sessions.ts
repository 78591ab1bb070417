import { SECRET_LENGTH, SECRET_LETTERS } from '../domain/access/api-key.ts';
import type { AccessStore, Secrets } from './access-ports.ts';
import type { Authenticate, Authenticated, Refusal } from './authenticate.ts';
import type { Clock } from './ports.ts';

export interface SessionsPorts {
  readonly authenticate: Authenticate;
  readonly store: AccessStore;
  readonly secrets: Secrets;
  readonly clock: Clock;
}

/** A session that was begun; the token is the value of the cookie and is kept nowhere. */
export interface BegunSession {
  readonly token: string;
  readonly expiresAt: number;
  readonly who: Authenticated;
}

/** Sessions of browsers. One stands for the key it was begun with, and ends with it. */
export interface Sessions {
  begin(keyText: string): Promise<BegunSession | Refusal>;
  /** Again is as good as once. */
  end(token: string): Promise<void>;
}

export function createSessions({ authenticate, store, secrets, clock }: SessionsPorts): Sessions {
  return {
    async begin(keyText) {
      const who = await authenticate.byKey(keyText);
      if ('reason' in who) return who;
      const { tenantId, keyId } = who.caller;
      if (keyId === undefined) return { code: 'unauthorized', reason: 'There is no such key.' };
      const token = secrets.random(SECRET_LENGTH, SECRET_LETTERS);
      const createdAt = clock.now();
      const expiresAt = createdAt + SESSION_MS;
      const session = { idHash: secrets.hash(token), tenantId, holder: { keyId }, createdAt, expiresAt };
      await store.transact((transaction) => transaction.addSession(session));
      return { token, expiresAt, who };
    },
    end: (token) => store.transact((transaction) => transaction.removeSession(secrets.hash(token))),
  };
}

/** A working week; whoever comes back later signs in again. */
const SESSION_MS = 7 * 86_400_000;
