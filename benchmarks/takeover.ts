/**
 * Seconds until interrupted pictures are drawn again: the engine process is killed, or the whole server, which whoever
 * watches it starts again at once. From the kill to the first step of the second attempt of the last picture concerned.
 *
 *     node benchmarks/takeover.ts [--rounds 5] [--slots 4]
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { createClient } from '@imagemill/api/client';
import { ServerFolder, type ServerProcess } from '../tests/support/server-process.ts';
import { spread } from './statistics.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, slots: { type: 'string', default: '4' } },
});
const rounds = Number(values.rounds);
const slots = Number(values.slots);
const settings = { device: 'fixed:60000', slots, logLevel: 'error' } as const;

/** Waits until all pictures run in attempt `number`; gives the time of the latest start, in ms since 1970. */
async function lastStart(url: string, id: string, number: number): Promise<number> {
  const client = createClient({ baseUrl: url });
  for (;;) {
    const { jobs } = await client.getGeneration(id);
    const starts = jobs.map(({ attempt, startedAt, state }) =>
      state === 'running' && attempt === number ? Date.parse(startedAt ?? '') : Number.NaN,
    );
    if (starts.every((start) => !Number.isNaN(start))) return Math.max(...starts);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

type Kill = (server: ServerProcess, folder: ServerFolder) => Promise<ServerProcess>;

async function killEngine(server: ServerProcess): Promise<ServerProcess> {
  for (const pid of await server.enginePids()) process.kill(pid, 'SIGKILL');
  return server;
}

async function killServer(server: ServerProcess, folder: ServerFolder): Promise<ServerProcess> {
  await server.stop('SIGKILL');
  return folder.start(settings);
}

async function measure(kill: Kill): Promise<number[]> {
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const folder = await ServerFolder.create();
    try {
      const server = await folder.start(settings);
      const request = { prompt: 'a boat', width: 256, height: 256, count: slots };
      const { id } = await createClient({ baseUrl: server.url }).submitGeneration(request);
      await lastStart(server.url, id, 1);
      const killedAt = Date.now();
      const { url } = await kill(server, folder);
      seconds.push(((await lastStart(url, id, 2)) - killedAt) / 1000);
    } finally {
      await folder.remove();
    }
  }
  return seconds;
}

console.log(`${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, ${rounds} rounds, ${slots} pictures`);
console.log(`engine killed: ${spread(await measure(killEngine), 2)} s`);
console.log(`server killed and started again: ${spread(await measure(killServer), 2)} s`);
