/** How long it takes until others go on where a process was killed, in whole processes. */
import { createClient } from '@imagemill/api/client';
import { spread } from '../statistics.ts';
import { ask, type ClusterBench, pause } from './cluster-bench.ts';
import { listen } from './starts.ts';

/** A cancelled picture ends at the next of its steps. */
const body = { prompt: 'a boat', width: 64, height: 64, steps: 40 } as const;

/** From SIGKILL of the dispatcher that leads to the start of a job that is handed in right after it. */
export async function printKilledFeeder(bench: ClusterBench): Promise<void> {
  const seconds: number[] = [];
  await bench.withProcesses(async ({ databaseUrl, start }) => {
    const api = await start('api', { dispatchInApi: false });
    await start('worker', { device: 'fixed:0', slots: 1 });
    const client = createClient({ baseUrl: api.url });
    await using listening = await listen(databaseUrl);
    let leading = await start('dispatcher');
    for (let round = 0; round < KILLS; round++) {
      const following = await start('dispatcher');
      await submitAndStart(client, listening);
      // At any moment between two renewals of its lease.
      await pause(1_000 + (round * 1_000) / KILLS);
      const killedAt = performance.now();
      const started = listening.next('job.started');
      await leading.stop('SIGKILL');
      await client.submitGeneration(body);
      await started;
      seconds.push((performance.now() - killedAt) / 1_000);
      leading = following;
    }
  });
  process.stdout.write(`feeder killed → the other one feeds: ${spread(seconds)} s\n`);
}

/** From SIGKILL of a worker to the start of its job at another one. */
export async function printKilledWorker(bench: ClusterBench): Promise<void> {
  const seconds: number[] = [];
  await bench.withProcesses(async ({ databaseUrl, start }) => {
    const api = await start('api');
    const settings = { device: 'fixed:20000', slots: 1 } as const;
    const client = createClient({ baseUrl: api.url });
    await using listening = await listen(databaseUrl);
    for (let round = 0; round < KILLS; round++) {
      const worker = await start('worker', settings);
      await submitAndStart(client, listening);
      const other = await start('worker', settings);
      await pause(500 + (round * 1_700) / KILLS);
      const killedAt = performance.now();
      const started = listening.next('job.started');
      await worker.stop('SIGKILL');
      await started;
      seconds.push((performance.now() - killedAt) / 1_000);
      for (const { id } of await ask<{ id: string }>(
        databaseUrl,
        `select id from generations where state <> 'succeeded'`,
      ))
        await client.cancelGeneration(id);
      await other.stop('SIGTERM');
    }
  });
  process.stdout.write(`worker killed → its job starts at another: ${spread(seconds)} s\n`);
}

async function submitAndStart(
  client: ReturnType<typeof createClient>,
  listening: Awaited<ReturnType<typeof listen>>,
): Promise<void> {
  const started = listening.next('job.started');
  await client.submitGeneration(body);
  await started;
}

const KILLS = 8;
