import { periodsAt } from '../domain/access/quota.ts';
import { DAY_MS } from '../domain/access/usage.ts';
import type { Clock, Store } from './ports.ts';

/** Forgets sessions that ended, and counters of days and months that nothing will be settled in; gives how many. */
export function createForgetAccess({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
  return async (): Promise<number> => {
    const now = clock.now();
    const [day, month] = periodsAt(now - KEPT_DAYS * DAY_MS);
    return store.transact(async ({ access, usage }) => {
      const sessions = await access.forgetSessions({ now, limit: PART });
      return sessions + (await usage.forgetCounters({ day, month }));
    });
  };
}

const KEPT_DAYS = 62;
const PART = 1_000;
