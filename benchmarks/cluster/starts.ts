/** How soon an idle worker starts, in whole processes. */
import { createClient } from '@imagemill/api/client';
import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import { PostgresStore } from '../../apps/server/src/adapters/sql/postgres-store.ts';
import type { StoredEvent } from '../../apps/server/src/domain/event.ts';
import { quietLog } from '../../tests/support/quiet-log.ts';
import { median } from '../statistics.ts';
import { type ClusterBench, pause } from './cluster-bench.ts';

/**
 * From a request to an api until its job is on record as started by a worker, one at a time. Heard by a third
 * listener, so that each figure has one notification of PostgreSQL in it that a client's wait has not.
 */
export async function printStarts(bench: ClusterBench): Promise<void> {
  await bench.withProcesses(async ({ databaseUrl, start }) => {
    const api = await start('api');
    await start('worker', { device: 'fixed:0', slots: 1 });
    const client = createClient({ baseUrl: api.url });
    const body = { prompt: 'a boat', width: 64, height: 64, steps: 1 } as const;
    await using listening = await listen(databaseUrl);
    const times: number[] = [];
    for (let i = 0; i < STARTS + WARM_UP; i++) {
      const [started, finished] = [listening.next('job.started'), listening.next('generation.finished')];
      const before = performance.now();
      await client.submitGeneration(body);
      await started;
      times.push(performance.now() - before);
      await finished;
      await pause(30);
    }
    const sorted = times.slice(WARM_UP).sort((a, b) => a - b);
    const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(1);
    process.stdout.write(
      `request to start, idle: p50 ${median(sorted).toFixed(1)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms\n`,
    );
  });
}

/** Hears the state changes of a cluster. */
export async function listen(url: string) {
  const options = { url, name: 'imagemill bench', durability: 'full', clock: systemClock } as const;
  const store = await PostgresStore.open({ ...options, log: quietLog });
  return {
    store,
    /** The next event of that type. */
    next: (type: StoredEvent['type']): Promise<StoredEvent> =>
      new Promise((resolve) => {
        const stop = store.onStored((event) => {
          if (event.type !== type) return;
          stop();
          resolve(event);
        });
      }),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

const STARTS = 300;
const WARM_UP = 30;
