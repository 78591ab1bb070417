import { differences } from '../domain/access/audit.ts';
import type { Prices } from '../domain/access/usage.ts';
import { DEFAULT_TENANT } from '../domain/ids.ts';
import type { AccessTransaction } from './access-ports.ts';
import type { Clock, IdSource } from './ports.ts';
import type { UsageTransaction } from './usage-ports.ts';
import { type Act, writeAudit } from './write-audit.ts';

export interface SetPricesPorts {
  readonly transact: <T>(
    work: (transaction: { readonly access: AccessTransaction; readonly usage: UsageTransaction }) => Promise<T>,
  ) => Promise<T>;
  readonly clock: Clock;
  readonly ids: IdSource;
}

export type SetPrices = (act: Act, prices: Prices) => Promise<Prices>;

/** Prices of what is drawn from now on; what was drawn before keeps its cost. */
export function createSetPrices({ transact, ...ports }: SetPricesPorts): SetPrices {
  return (act, prices) =>
    transact(async ({ access, usage }) => {
      const before = await usage.prices();
      await usage.savePrices({ ...prices, since: ports.clock.now() });
      const change = differences({ ...before }, { ...prices });
      const deed = { action: 'prices.set', target: 'prices', tenantId: DEFAULT_TENANT, ...change };
      await writeAudit(access, ports, act, deed);
      return prices;
    });
}
