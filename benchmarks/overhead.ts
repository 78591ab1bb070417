/**
 * What watching costs a picture, in processor time: metrics, traces and the quality gate, each switched off and on in
 * turns under the same load. The load is 200 pictures of 64² in generations of 20 over HTTP, with a device that needs
 * no time, so that what is measured is not lost in drawing; for the gate, pictures of the demo model at 256².
 *
 *     node benchmarks/overhead.ts [--rounds 9] [--gate-rounds 5]
 *
 * Metrics are switched off by leaving out what they do at each event, the gate by leaving out the measuring in the engine;
 * `quality-gate.ts` has the decision. Traces off is the default and the first line.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ModelPool, SlotEngine, ZImagePipeline } from '@imagemill/diffusion';
import { openDevice } from '@imagemill/diffusion/onnxruntime';
import { measurePicture } from '../apps/server/src/adapters/inference/measure-picture.ts';
import { Metrics } from '../apps/server/src/adapters/telemetry/metrics.ts';
import { type Config, loadConfig } from '../apps/server/src/config/load.ts';
import { startServer } from '../apps/server/src/main/serve.ts';
import { createClient } from '../packages/api/src/client/index.ts';
import { median, spread } from './statistics.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, 'gate-rounds': { type: 'string', default: '5' } },
});
const rounds = Number(values.rounds);
const gateRounds = Number(values['gate-rounds']);
const pictures = 200;
/** Of one generation. */
const together = 20;
const gatePictures = 12;
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const folder = await mkdtemp(join(tmpdir(), 'imagemill-overhead-'));
const collector = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
});
await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
const traceUrl = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;

console.log(`${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, ${rounds} rounds`);
const plain = await start({});
const traced = await start({ traceUrl });
try {
  const ways: Readonly<Record<string, () => Promise<number>>> = {
    'all as it is, traces off': () => load(plain.url),
    'without metrics': () => withoutMetrics(() => load(plain.url)),
    'with traces': () => load(traced.url),
  };
  await inTurns('ms of processor time a picture, server and client', ways, rounds);
  const draw = await demoEngine();
  await inTurns(
    'demo model at 256², ms of processor time a picture in the engine',
    { 'without measuring': () => draw(false), measured: () => draw(true) },
    gateRounds,
  );
} finally {
  await plain.close();
  await traced.close();
  collector.close();
  await rm(folder, { recursive: true, force: true });
}

/** Runs all ways in turns after one of each to warm up, and prints each with its difference to the first. */
async function inTurns(title: string, ways: Readonly<Record<string, () => Promise<number>>>, count: number) {
  const found = new Map<string, number[]>();
  for (let round = -1; round < count; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const cost = await way();
      if (round >= 0) found.set(name, [...(found.get(name) ?? []), cost]);
    }
  }
  console.log(`\n${title}`);
  const [first = []] = found.values();
  for (const [name, costs] of found) {
    const difference = median(costs.map((cost, at) => cost - (first[at] ?? Number.NaN)));
    console.log(`${name}: ${spread(costs, 3)}, ${difference >= 0 ? '+' : ''}${difference.toFixed(3)}`);
  }
}

function start(settings: Partial<Config>) {
  const name = `data-${Object.keys(settings).join('-') || 'plain'}`;
  const overrides = {
    dataDir: join(folder, name),
    port: 0,
    device: 'fixed:0',
    slots: 4,
    calibrate: false,
    ...settings,
  };
  return startServer(loadConfig({ overrides, environment: { PATH: process.env['PATH'] }, folder }), { log: silent });
}

/** @returns ms of this process for a picture */
async function load(url: string): Promise<number> {
  const client = createClient({ baseUrl: url });
  const request = { prompt: 'a lamp', width: 64, height: 64, steps: 4, count: together, priority: 'bulk' } as const;
  return cpuMs(pictures, async () => {
    await Promise.all(Array.from({ length: pictures / together }, () => client.submitGeneration(request)));
    for (let isDone = false; !isDone; ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const { queue } = await client.getSystem();
      isDone = queue.queued + queue.running === 0;
    }
  });
}

async function withoutMetrics<T>(run: () => Promise<T>): Promise<T> {
  const names = ['jobChanged', 'attemptEnded', 'pictureDrawn', 'stepDone', 'requestAnswered'] as const;
  const before = names.map((name) => Metrics.prototype[name]);
  for (const name of names) Metrics.prototype[name] = ignore;
  try {
    return await run();
  } finally {
    for (const [at, name] of names.entries()) Object.assign(Metrics.prototype, { [name]: before[at] });
  }
}

async function demoEngine(): Promise<(isMeasured: boolean) => Promise<number>> {
  const model = fileURLToPath(new URL('../models/demo', import.meta.url));
  const { runtime } = await openDevice({ device: 'cpu', weights: 'packed', threads: 2 });
  const models = new ModelPool({ open: (path) => ZImagePipeline.open(path, runtime) });
  let isOn = false;
  const inspect = async (_id: string, pixels: Parameters<typeof measurePicture>[0]): Promise<void> => {
    if (isOn) measurePicture(pixels);
  };
  const engine = new SlotEngine({ models, slots: 4, maxBatchTokens: 4_096, inspect });
  return (isMeasured) => {
    isOn = isMeasured;
    return cpuMs(gatePictures, async () => {
      for (let at = 0; at < gatePictures; at++) {
        const settings = { prompt: 'a red fox', negativePrompt: '', seed: at, width: 256, height: 256, steps: 4 };
        const drawing = { guidance: { scale: 0 }, previews: false, format: 'png', quality: 90 } as const;
        engine.submit({ id: String(at), model, ...settings, ...drawing }, (notice) => {
          if (notice.type === 'failed') throw notice.error;
        });
      }
      await engine.idle();
    });
  };
}

async function cpuMs(count: number, run: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / count;
}

function ignore(): void {}
