/**
 * The queue on PostgreSQL: what it accepts, hands out and works off in a second, how soon an idle worker starts, and
 * how throughput grows with workers whose pictures take a fixed time. PostgreSQL is started for it, with fsync.
 *
 *     node benchmarks/cluster-queue.ts [--rounds 3] [--jobs 1000] [--seconds 20] [--picture-ms 2000] [--only rates|starts|scaling]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createClient } from '@imagemill/api/client';
import pg from 'pg';
import { systemClock } from '../apps/server/src/adapters/clock.ts';
import { PostgresStore } from '../apps/server/src/adapters/sql/postgres-store.ts';
import { createClaimJobs } from '../apps/server/src/application/claim-jobs.ts';
import { workerId } from '../apps/server/src/domain/ids.ts';
import { createDatabase, startPostgres } from '../tests/support/postgres-server.ts';
import { quietLog } from '../tests/support/quiet-log.ts';
import { ServerFolder } from '../tests/support/server-process.ts';
import { type Bench, benchOn, request, submitMany } from './queue-load.ts';
import { median, spread } from './statistics.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '20' },
    'picture-ms': { type: 'string', default: '2000' },
    only: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const jobs = Number(values.jobs);
const seconds = Number(values.seconds);
const pictureMs = Number(values['picture-ms']);

const server = await startPostgres({ fsync: true });
try {
  process.stdout.write(`load ${loadavg()[0]?.toFixed(1)}, ${rounds} rounds\n`);
  const parts = { rates: printRates, starts: printStarts, scaling: printScaling };
  for (const [name, print] of Object.entries(parts)) if ((values.only ?? name) === name) await print();
} finally {
  await server.remove();
}

async function printRates(): Promise<void> {
  const rates: Record<string, number[]> = {};
  const note = (name: string, count: number, startedAt: number): void => {
    const list = rates[name] ?? [];
    rates[name] = list;
    list.push(count / ((performance.now() - startedAt) / 1_000));
  };
  for (let round = 0; round < rounds; round++) {
    await withStores(1, async ([bench]) => {
      let startedAt = performance.now();
      for (let i = 0; i < 200; i++) await bench!.submit(request);
      note('accepted, one after the other', 200, startedAt);
      startedAt = performance.now();
      await submitMany(bench!.submit, jobs);
      note('accepted, 100 at once', jobs, startedAt);
    });
    for (const limit of [1, 4]) {
      await withStores(4, async (benches) => {
        await submitMany(benches[0]!.submit, jobs);
        const startedAt = performance.now();
        const counts = await Promise.all(benches.map((bench, i) => claimAll(bench, `w${i}`, limit)));
        note(
          `claimed by 4 processes, ${limit} at a time`,
          counts.reduce((sum, count) => sum + count, 0),
          startedAt,
        );
      });
    }
    for (const count of [1, 2, 4]) {
      await withStores(count, async (benches) => {
        await submitMany(benches[0]!.submit, jobs);
        const startedAt = performance.now();
        await drain(benches, jobs);
        note(`worked off by ${count} workers of four slots`, jobs, startedAt);
      });
    }
  }
  for (const [name, list] of Object.entries(rates)) process.stdout.write(`${name}: ${spread(list, 0)} jobs/s\n`);
}

async function claimAll({ store }: Bench, name: string, limit: number): Promise<number> {
  const claim = createClaimJobs({ store, clock: systemClock, leaseMs: 3_600_000 });
  for (let count = 0; ; ) {
    const claims = await claim({ workerId: workerId(name), limit });
    if (claims.length === 0) return count;
    count += claims.length;
  }
}

async function drain(benches: readonly Bench[], count: number): Promise<void> {
  let done = 0;
  const drained = new Promise<void>((resolve) => {
    benches[0]!.store.onStored((event) => {
      if (event.type === 'job.succeeded' && ++done === count) resolve();
    });
  });
  const workers = benches.map((bench) => bench.startWorker());
  await drained;
  await Promise.all(workers.map((worker) => worker.drain(0)));
}

/** From the call that submits at one process to the start of the job at another, which hears of it by notification. */
async function printStarts(): Promise<void> {
  const times: number[] = [];
  await withStores(2, async ([api, worker]) => {
    const running = worker!.startWorker();
    for (let i = 0; i < 220; i++) {
      const started = new Promise<number>((resolve) => {
        const stop = worker!.store.onWritten((event) => {
          if (event.type !== 'job.started') return;
          stop();
          resolve(performance.now());
        });
      });
      const before = performance.now();
      await api!.submit(request);
      times.push((await started) - before);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    await running.drain(0);
  });
  const sorted = times.slice(20).sort((a, b) => a - b);
  process.stdout.write(
    `submit to start, idle: p50 ${median(sorted).toFixed(1)} ms, p99 ${sorted[Math.floor(sorted.length * 0.99)]?.toFixed(1)} ms\n`,
  );
}

async function printScaling(): Promise<void> {
  const rates = new Map<number, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const count of [1, 2, 4, 8]) {
      rates.set(count, [...(rates.get(count) ?? []), await clusterRate(count)]);
    }
  }
  const single = median(rates.get(1) ?? []);
  for (const [count, list] of rates) {
    const efficiency = list.map((rate) => rate / (count * single));
    process.stdout.write(`${count} workers: ${spread(list)} jobs/s, efficiency ${spread(efficiency)}\n`);
  }
}

/** Jobs a second of whole processes, an api and workers, over a stretch in which all are busy. */
async function clusterRate(count: number): Promise<number> {
  const database = await createDatabase(server.url);
  const assetDir = await mkdtemp(join(tmpdir(), 'imagemill-bench-'));
  const folder = await ServerFolder.create();
  try {
    const settings = { databaseUrl: database.url, assetDir, device: `fixed:${pictureMs}`, slots: 2, logLevel: 'error' };
    const api = await folder.start(settings as object, [], 'api');
    const client = createClient({ baseUrl: api.url });
    const expected = Math.ceil((count * 1_000 * (seconds + 30)) / pictureMs);
    for (let left = expected; left > 0; left -= 32) {
      await client.submitGeneration({ prompt: 'a boat', width: 64, height: 64, steps: 4, count: 32, priority: 'bulk' });
    }
    await Promise.all(Array.from({ length: count }, () => folder.start(settings as object, [], 'worker')));
    await untilBusy(database.url, count * 2);
    const before = await succeeded(database.url);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    const after = await succeeded(database.url);
    return (after.count - before.count) / ((after.at - before.at) / 1_000);
  } finally {
    await folder.remove();
    await database.drop();
    await rm(assetDir, { recursive: true, force: true });
  }
}

/** Resolves when that many jobs run at once. */
async function untilBusy(url: string, count: number): Promise<void> {
  const text = "select count(*)::int as count from jobs where state = 'running'";
  while ((await ask(url, text)) < count) await new Promise((resolve) => setTimeout(resolve, 200));
}

async function ask(url: string, text: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: number }>(text);
    return rows[0]?.count ?? 0;
  } finally {
    await client.end();
  }
}

async function succeeded(url: string): Promise<{ readonly count: number; readonly at: number }> {
  const count = await ask(url, "select count(*)::int as count from jobs where state = 'succeeded'");
  return { count, at: performance.now() };
}

/** Stores as that many processes would open them, on one new database. */
async function withStores(count: number, work: (benches: readonly Bench[]) => Promise<void>): Promise<void> {
  const database = await createDatabase(server.url);
  const options = { url: database.url, name: 'imagemill bench', durability: 'full', clock: systemClock } as const;
  const stores: PostgresStore[] = [];
  try {
    for (let i = 0; i < count; i++) stores.push(await PostgresStore.open({ ...options, log: quietLog }));
    await work(stores.map((store) => benchOn(store, 4)));
  } finally {
    for (const store of stores) await store.close();
    await database.drop();
  }
}
