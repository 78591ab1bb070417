/** Wiring of keys, tenants, members, prices and audit: for a server, and for the command line on its data. */
import { systemClock } from '../adapters/clock.ts';
import type { AdministrationPorts } from '../adapters/http/administration.ts';
import { secrets } from '../adapters/secrets.ts';
import type { AccessStore } from '../application/access-ports.ts';
import { createManageBudgets } from '../application/manage-budgets.ts';
import { createManageKeys } from '../application/manage-keys.ts';
import { createManageMembers } from '../application/manage-members.ts';
import { createManageTenants } from '../application/manage-tenants.ts';
import type { IdSource } from '../application/ports.ts';
import { createSetPrices, type SetPricesPorts } from '../application/set-prices.ts';
import type { UsageReader } from '../application/usage-ports.ts';

export interface AdministrationInput {
  readonly store: AccessStore;
  readonly usage: UsageReader;
  readonly transact: SetPricesPorts['transact'];
  readonly ids: IdSource;
}

export function composeAdministration({ store, usage, transact, ids }: AdministrationInput): AdministrationPorts {
  const ports = { store, clock: systemClock, ids };
  return {
    manageKeys: createManageKeys({ ...ports, secrets }),
    manageTenants: createManageTenants(ports),
    manageMembers: createManageMembers(ports),
    setPrices: createSetPrices({ transact, clock: systemClock, ids }),
    budgets: createManageBudgets({ transact, clock: systemClock, ids, access: store.reader, usage }),
    access: store.reader,
    usage,
    clock: systemClock,
  };
}
