/**
 * How long an interactive picture takes, from request to stored result, on an idle server and while 1,000 bulk pictures
 * wait. The whole server with the demo model, over HTTP.
 *
 *     node benchmarks/latency-under-load.ts [--rounds 9]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createClient } from '@imagemill/api/client';
import { loadConfig, startServer } from '@imagemill/server';
import { median, spread } from './statistics.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } });
const rounds = Number(values.rounds);
const dataDir = await mkdtemp(join(tmpdir(), 'imagemill-latency-'));
const server = await startServer(loadConfig({ overrides: { dataDir, port: 0 } }));
const client = createClient({ baseUrl: server.url });

/** Seconds from the request to the end of its generation, by the event stream. */
async function draw(prompt: string): Promise<number> {
  const start = performance.now();
  const { id } = await client.submitGeneration({ prompt, priority: 'interactive' });
  for await (const event of client.events(id)) if (event.type === 'generation.finished') break;
  return (performance.now() - start) / 1000;
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
  for (let part = 0; part < 10; part += 1) {
    await client.submitGeneration({
      prompt: 'a panda on a green background',
      count: 100,
      priority: 'bulk',
      seed: part * 100,
    });
  }
  const busy = await measure('busy');
  console.log(
    `idle ${spread(idle)} s, behind 1,000 bulk pictures ${spread(busy)} s, ratio ${(median(busy) / median(idle)).toFixed(2)}`,
  );
} finally {
  await server.close();
  await rm(dataDir, { recursive: true, force: true });
}
