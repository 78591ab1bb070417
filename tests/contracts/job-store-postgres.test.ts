import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import { PostgresStore } from '../../apps/server/src/adapters/sql/postgres-store.ts';
import { quietLog } from '../support/quiet-log.ts';
import { describeWithPostgres, newDatabase } from '../support/with-postgres.ts';
import { describeAccounting } from './accounting.contract.ts';
import { describeFairQueue } from './fair-queue.contract.ts';
import { describeJobStore, type OpenedStore } from './job-store.contract.ts';

describeWithPostgres('PostgreSQL', () => {
  describeJobStore('PostgreSQL', open);
  describeFairQueue('PostgreSQL', open);
  describeAccounting('PostgreSQL', open);
});

async function open(): Promise<OpenedStore> {
  const { url, drop } = await newDatabase();
  return openAt(url, drop);
}

async function openAt(url: string, drop: () => Promise<void>): Promise<OpenedStore> {
  const options = { url, name: 'imagemill test', durability: 'full', clock: systemClock, log: quietLog } as const;
  const store = await PostgresStore.open(options);
  return {
    store,
    feed: store.feed,
    async reopen() {
      await store.close();
      return openAt(url, drop);
    },
    async close() {
      await store.close();
      await drop();
    },
  };
}
