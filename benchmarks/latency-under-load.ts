/**
 * How long an interactive picture takes, from request to stored result, on an idle server and while 1,000 bulk pictures
 * wait; and how long the same picture takes at the end of such a queue when it has no precedence, which is plain
 * first in, first out. The whole server with the demo model, over HTTP.
 *
 *     node benchmarks/latency-under-load.ts [--rounds 9] [--fifo 1000]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createClient } from '@imagemill/api/client';
import { loadConfig, startServer } from '@imagemill/server';
import { median, spread } from './statistics.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, fifo: { type: 'string', default: '1000' } },
});
const rounds = Number(values.rounds);
/** Bulk pictures before the one that has no precedence; 0 leaves the comparison out. */
const fifo = Number(values.fifo);
const dataDir = await mkdtemp(join(tmpdir(), 'imagemill-latency-'));
const server = await startServer(loadConfig({ overrides: { dataDir, port: 0 } }));
const client = createClient({ baseUrl: server.url });

/** Seconds from the request to the end of its generation, by the event stream. */
async function draw(prompt: string, priority: 'interactive' | 'bulk' = 'interactive'): Promise<number> {
  const start = performance.now();
  const { id } = await client.submitGeneration({ prompt, priority });
  for await (const event of client.events(id)) if (event.type === 'generation.finished') break;
  return (performance.now() - start) / 1000;
}

async function fill(pictures: number): Promise<void> {
  for (let seed = 0; seed < pictures; seed += 100) {
    const count = Math.min(100, pictures - seed);
    await client.submitGeneration({ prompt: 'a panda on a green background', count, priority: 'bulk', seed });
  }
}

async function measure(name: string): Promise<number[]> {
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round += 1)
    seconds.push(await draw(`a rocket on a purple background, ${name} ${round}`));
  return seconds;
}

try {
  await draw('a warm-up');
  console.log(`${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, ${rounds} rounds`);
  const idle = await measure('idle');
  await fill(1_000);
  const busy = await measure('busy');
  console.log(
    `idle ${spread(idle)} s, behind 1,000 bulk pictures ${spread(busy)} s, ratio ${(median(busy) / median(idle)).toFixed(2)}`,
  );
  if (fifo > 0) {
    const { queue } = await client.getSystem();
    await fill(Math.max(0, fifo - queue.queued));
    const last = await draw('a rocket on a purple background, without precedence', 'bulk');
    console.log(
      `at the end of ${fifo} bulk pictures without precedence ${last.toFixed(1)} s, ratio ${(last / median(idle)).toFixed(0)}`,
    );
  }
} finally {
  await server.close();
  await rm(dataDir, { recursive: true, force: true });
}
