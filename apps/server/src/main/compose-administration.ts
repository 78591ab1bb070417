/** Wiring of keys, tenants, members, prices and audit: for a server, and for the command line on its data. */
import { systemClock } from '../adapters/clock.ts';
import type { AdministrationPorts } from '../adapters/http/administration.ts';
import { secrets } from '../adapters/secrets.ts';
import type { AccessStore } from '../application/access-ports.ts';
import { createManageBudgets } from '../application/manage-budgets.ts';
import { createManageKeys } from '../application/manage-keys.ts';
import { createManageMembers } from '../application/manage-members.ts';
import { createManageRetention, type ManageRetentionPorts } from '../application/manage-retention.ts';
import { createManageTenants } from '../application/manage-tenants.ts';
import type { IdSource } from '../application/ports.ts';
import type { RetentionReader } from '../application/retention-ports.ts';
import { createSetPrices, type SetPricesPorts } from '../application/set-prices.ts';
import { createRotateUrlKey } from '../application/signing-keys.ts';
import type { UsageReader } from '../application/usage-ports.ts';
import type { Retention } from '../domain/retention/retention.ts';

export interface AdministrationInput {
  readonly store: AccessStore;
  readonly usage: UsageReader;
  readonly retention: RetentionReader;
  readonly retentionRules: Retention;
  readonly transact: SetPricesPorts['transact'] & ManageRetentionPorts['transact'];
  readonly ids: IdSource;
}

export function composeAdministration(input: AdministrationInput): AdministrationPorts {
  const { store, usage, transact, ids } = input;
  const ports = { store, clock: systemClock, ids };
  return {
    manageKeys: createManageKeys({ ...ports, secrets }),
    rotateUrlKey: createRotateUrlKey({ ...ports, secrets }),
    manageTenants: createManageTenants(ports),
    manageMembers: createManageMembers(ports),
    setPrices: createSetPrices({ transact, clock: systemClock, ids }),
    budgets: createManageBudgets({ transact, clock: systemClock, ids, access: store.reader, usage }),
    retention: createManageRetention({
      ...{ transact, clock: systemClock, ids, access: store.reader },
      ...{ retention: input.retention, installation: input.retentionRules },
    }),
    access: store.reader,
    usage,
    clock: systemClock,
  };
}
