import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from '../../apps/server/src/adapters/sql/sqlite-store.ts';
import { describeAccounting } from './accounting.contract.ts';
import { describeFairQueue } from './fair-queue.contract.ts';
import { describeJobStore, type OpenedStore } from './job-store.contract.ts';

describeJobStore('SQLite', async () => openIn(await mkdtemp(join(tmpdir(), 'imagemill-store-'))));

describeFairQueue('SQLite', async () => openIn(await mkdtemp(join(tmpdir(), 'imagemill-store-'))));

describeAccounting('SQLite', async () => openIn(await mkdtemp(join(tmpdir(), 'imagemill-store-'))));

async function openIn(folder: string): Promise<OpenedStore> {
  const store = await SqliteStore.open({ folder });
  return {
    store,
    feed: store.feed,
    async reopen() {
      await store.close();
      return openIn(folder);
    },
    async close() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}
