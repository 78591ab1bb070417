/** How throughput grows with workers, in whole processes. */
import { readFile } from 'node:fs/promises';
import { createClient } from '@imagemill/api/client';
import type { ServerProcess } from '../../tests/support/server-process.ts';
import { median, spread } from '../statistics.ts';
import { ask, type ClusterBench, pause } from './cluster-bench.ts';

interface Measured {
  readonly rate: number;
  /** Processor time of api and workers with their engine processes, in ms a job. */
  readonly cpuMs: number;
}

/** Efficiency is the rate of n workers ÷ (n × the rate of one). */
export async function printScaling(bench: ClusterBench): Promise<void> {
  const all = new Map<number, Measured[]>();
  for (let round = 0; round < bench.options.rounds; round++) {
    for (const count of COUNTS) all.set(count, [...(all.get(count) ?? []), await measure(bench, count)]);
  }
  const single = median((all.get(1) ?? []).map(({ rate }) => rate));
  for (const [count, list] of all) {
    const rates = spread(list.map(({ rate }) => rate));
    const efficiency = spread(
      list.map(({ rate }) => rate / (count * single)),
      3,
    );
    const cpu = spread(
      list.map(({ cpuMs }) => cpuMs),
      1,
    );
    process.stdout.write(`${count} workers: ${rates} jobs/s, efficiency ${efficiency}, ${cpu} ms of processor a job\n`);
  }
}

/** Jobs a second of an api and workers of two slots, from the first to the last end within a stretch in which all are busy. */
async function measure(bench: ClusterBench, count: number): Promise<Measured> {
  const { pictureMs, seconds } = bench.options;
  let measured: Measured | undefined;
  await bench.withProcesses(async ({ databaseUrl, start }) => {
    const api = await start('api');
    const client = createClient({ baseUrl: api.url });
    const expected = Math.ceil((count * 1_000 * (seconds + 30)) / pictureMs);
    const body = { prompt: 'a boat', width: 64, height: 64, steps: 4, count: 32, priority: 'bulk' } as const;
    for (let left = expected; left > 0; left -= 32) await client.submitGeneration(body);
    const device = `fixed:${pictureMs}` as const;
    const workers = await Promise.all(Array.from({ length: count }, () => start('worker', { device, slots: 2 })));
    const running = `select count(*)::int as n from jobs where state = 'running'`;
    while (((await ask<{ n: number }>(databaseUrl, running))[0]?.n ?? 0) < count * 2) await pause(200);
    await pause(2_000);
    const [cpuBefore, since] = [await processorMs([api, ...workers]), Date.now()];
    await pause(seconds * 1_000);
    const [cpuMs, until] = [(await processorMs([api, ...workers])) - cpuBefore, Date.now()];
    const [ends] = await ask<{ n: number; ms: number }>(
      databaseUrl,
      `select count(*)::int - 1 as n, (max(finished_at) - min(finished_at))::int as ms from attempts
       where outcome = 'succeeded' and finished_at between ${since} and ${until}`,
    );
    if (ends === undefined) throw new Error('nothing was drawn');
    measured = { rate: ends.n / (ends.ms / 1_000), cpuMs: cpuMs / ends.n };
  });
  if (measured === undefined) throw new Error('nothing was measured');
  return measured;
}

async function processorMs(processes: readonly ServerProcess[]): Promise<number> {
  let sum = 0;
  for (const one of processes) {
    for (const pid of [one.pid, ...(await one.enginePids())]) {
      const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
      // User and system time, in hundredths of a second.
      sum += (Number(fields[11]) + Number(fields[12])) * 10;
    }
  }
  return sum;
}

const COUNTS = [1, 2, 4, 8] as const;
