import { type Duty, type Lead, lead } from '../application/lead.ts';
import type { Clock, IdSource, Logger } from '../application/ports.ts';
import type { Cluster } from './open-records.ts';

export interface DutyParts {
  readonly cluster: Cluster | undefined;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Does a duty in one process of the cluster at a time; in a process that has the records alone, at once. */
export function startDuty(name: string, { cluster, ids, clock, log }: DutyParts, start: () => Duty): Lead {
  if (cluster === undefined) return alone(name, start(), log);
  const { bus, leases } = cluster;
  const leading = lead(name, start, { leases, clock, log, holder: ids.next() });
  const stopHearing = bus.subscribe((message) => {
    if (message.kind === 'duty' && message.name === name) leading.wake();
  });
  return {
    wake: () => bus.publish({ kind: 'duty', name }),
    async stop() {
      stopHearing();
      await leading.stop();
    },
  };
}

function alone(name: string, duty: Duty, log: Logger): Lead {
  const look = (): void => {
    duty.look().catch((err: unknown) => log.warn({ err, duty: name }, 'looking after a duty failed'));
  };
  look();
  return { wake: look, stop: () => duty.close() };
}
