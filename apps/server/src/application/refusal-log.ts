import type { AuditRecord } from '../domain/access/audit.ts';
import { DEFAULT_TENANT } from '../domain/ids.ts';
import type { AccessStore } from './access-ports.ts';
import type { Refusal } from './authenticate.ts';
import type { Clock, IdSource } from './ports.ts';

export interface RefusalLog {
  note(refusal: Refusal, request: { readonly address: string; readonly route: string }): void;
  /** Writes what was noted since the last time. */
  flush(): Promise<void>;
}

export interface RefusalLogPorts {
  readonly store: AccessStore;
  readonly clock: Clock;
  readonly ids: IdSource;
}

/**
 * Failed authentications for the audit log. Those of one address with one reason are put together until the next
 * flush, and one flush writes a bounded number of lines, so that nobody can fill the disk by guessing.
 *
 * A failure goes to the log of the tenant whose key was proven; any other to that of the installation.
 */
export function createRefusalLog({ store, clock, ids }: RefusalLogPorts): RefusalLog {
  let noted = new Map<string, AuditRecord>();

  return {
    note({ code, reason, tenantId = DEFAULT_TENANT, keyId }, { address, route }) {
      const name = `${tenantId} ${keyId ?? ''} ${reason} ${address}`;
      const known = noted.get(name);
      // What is too much is counted as one, without an address or a route of its own.
      const isTooMuch = known === undefined && noted.size >= MOST_LINES;
      const before = isTooMuch ? noted.get(REST) : known;
      const record: AuditRecord = before ?? {
        id: ids.next(),
        tenantId: isTooMuch ? DEFAULT_TENANT : tenantId,
        at: clock.now(),
        actor: isTooMuch ? { name: 'unknown' } : { name: keyId ?? 'unknown', tenantId, keyId },
        action: 'authentication.failed',
        target: isTooMuch ? 'others' : route,
        address: isTooMuch ? undefined : address,
        before: undefined,
        after: isTooMuch ? undefined : { code, reason },
        count: 0,
      };
      noted.set(isTooMuch ? REST : name, { ...record, count: record.count + 1 });
    },
    async flush() {
      if (noted.size === 0) return;
      const records = [...noted.values()];
      noted = new Map();
      await store.transact((transaction) => transaction.addAudit(records));
    },
  };
}

const REST = 'rest';
/** Lines of one flush; at one flush a minute 30,000 a day at the very most. */
const MOST_LINES = 20;
