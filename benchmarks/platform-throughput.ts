/**
 * Pictures a second through the whole platform (HTTP to stored PNG, bulk load) and of the bare engine loop: the demo
 * model, the same two threads and slots, the same prompts and seeds, in turn in one run. And where the difference goes,
 * by phase.
 *
 *     node benchmarks/platform-throughput.ts [--rounds 5] [--pictures 40] [--threads 2] [--slots 4] [--allocator kept]
 *
 * With `--allocator kept` the bare loop has the allocator's settings that the platform gives its engine processes.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createClient } from '@imagemill/api/client';
import { ModelPool, SlotEngine, ZImagePipeline } from '@imagemill/diffusion';
import { openDevice } from '@imagemill/diffusion/onnxruntime';
import { loadConfig, startServer } from '@imagemill/server';
import { withKeptBlocks } from '@imagemill/server/engine';
import { median, spread } from './statistics.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    pictures: { type: 'string', default: '40' },
    threads: { type: 'string', default: '2' },
    slots: { type: 'string', default: '4' },
    allocator: { type: 'string', default: 'as it is' },
  },
});
if (values.allocator === 'kept' && process.env['MALLOC_MMAP_THRESHOLD_'] === undefined) {
  // The allocator reads its settings at the start of a process.
  const again = spawnSync(process.execPath, process.argv.slice(1), {
    env: withKeptBlocks(process.env),
    stdio: 'inherit',
  });
  process.exit(again.status ?? 1);
}
const rounds = Number(values.rounds);
const pictures = Number(values.pictures);
const threads = Number(values.threads);
const slots = Number(values.slots);
/** Pictures of one generation; they share a prompt. */
const together = 4;

const model = fileURLToPath(new URL('../models/demo', import.meta.url));
const phaseNames = ['queue', 'load', 'encode', 'denoise', 'decode', 'store'] as const;
type Phases = Partial<Record<`${(typeof phaseNames)[number]}Ms`, number>>;

interface Run {
  readonly seconds: number;
  /** Processor time of all that took part. */
  readonly cpuSeconds: number;
  readonly phases: readonly Phases[];
}

const { runtime } = await openDevice({ device: 'cpu', weights: 'packed', threads });
const models = new ModelPool({ open: (path) => ZImagePipeline.open(path, runtime) });
const engine = new SlotEngine({ models, slots, maxBatchTokens: 4096 });

const dataDir = await mkdtemp(join(tmpdir(), 'imagemill-throughput-'));
const server = await startServer(
  loadConfig({
    overrides: {
      dataDir,
      port: 0,
      device: 'cpu',
      weights: 'packed',
      threads,
      slots,
      logLevel: 'error',
      calibrate: false,
    },
  }),
);
const client = createClient({ baseUrl: server.url });

function promptOf(round: number, part: number): string {
  return `a rocket on a purple background, number ${round} ${part}`;
}

/** Processor time of this process and of the engine process (Linux), in seconds. */
async function cpuSeconds(): Promise<number> {
  const { user, system } = process.cpuUsage();
  const children = (await readFile(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')).trim().split(' ');
  let ticks = 0;
  for (const pid of children.filter(Boolean)) {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return (user + system) / 1e6 + ticks / 100;
}

/** Measures what `draw` takes; it gives the phases of its pictures when they are done. */
async function measure(draw: () => Promise<() => Promise<readonly Phases[]>>): Promise<Run> {
  const cpu = await cpuSeconds();
  const start = performance.now();
  const phases = await draw();
  const seconds = (performance.now() - start) / 1000;
  return { seconds, cpuSeconds: (await cpuSeconds()) - cpu, phases: await phases() };
}

async function drawBare(round: number): Promise<() => Promise<readonly Phases[]>> {
  const phases: Phases[] = [];
  for (let at = 0; at < pictures; at += 1) {
    const request = {
      ...{ id: `${at}`, model, prompt: promptOf(round, Math.floor(at / together)), negativePrompt: '', seed: at },
      ...{ width: 256, height: 256, steps: 8, guidance: { scale: 0 }, previews: false },
      ...({ format: 'png', quality: 90 } as const),
    };
    engine.submit(request, (notice) => {
      if (notice.type === 'failed') throw notice.error;
      if (notice.type === 'finished') phases.push(notice.timings);
    });
  }
  await engine.idle();
  return async () => phases;
}

async function drawThroughPlatform(round: number): Promise<() => Promise<readonly Phases[]>> {
  const settings = { width: 256, height: 256, steps: 8, guidanceScale: 0, count: together, priority: 'bulk' } as const;
  const accepted = await Promise.all(
    Array.from({ length: Math.ceil(pictures / together) }, (_, part) =>
      client.submitGeneration({ ...settings, prompt: promptOf(round, part), seed: part * together }),
    ),
  );
  // Asked now and then, as a bulk client does: its own work should not count as the platform's.
  for (let isDone = false; !isDone; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { queue } = await client.getSystem();
    isDone = queue.queued + queue.running === 0;
  }
  return async () => {
    const generations = await Promise.all(accepted.map(({ id }) => client.getGeneration(id)));
    return generations.flatMap(({ jobs }) =>
      jobs.map(({ timings }) => {
        if (timings === undefined) throw new Error('A picture failed');
        return timings;
      }),
    );
  };
}

try {
  console.log(
    `${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, ${rounds} rounds of ${pictures} pictures, ${threads} threads, ${slots} slots, allocator of the bare loop ${values.allocator}`,
  );
  await drawBare(-1);
  await drawThroughPlatform(-1);
  const bare: Run[] = [];
  const whole: Run[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Who goes first changes, so that a drift of the machine favours nobody.
    if (round % 2 === 0) bare.push(await measure(() => drawBare(round)));
    whole.push(await measure(() => drawThroughPlatform(round)));
    if (round % 2 === 1) bare.push(await measure(() => drawBare(round)));
  }
  const rates = (runs: readonly Run[]): number[] => runs.map(({ seconds }) => pictures / seconds);
  const ratios = rates(whole).map((rate, at) => rate / (rates(bare)[at] ?? Number.NaN));
  console.log(`bare engine ${spread(rates(bare))} pictures/s, platform ${spread(rates(whole))} pictures/s`);
  console.log(`platform ÷ bare engine ${spread(ratios, 3)}`);
  const perPicture = (runs: readonly Run[]): number => median(runs.map(({ seconds }) => (seconds * 1000) / pictures));
  const cpuRatios = bare.map((run, at) => run.cpuSeconds / (whole[at]?.cpuSeconds ?? Number.NaN));
  console.log(`by processor time ${spread(cpuRatios, 3)}`);
  console.log(`\n| ms a picture | bare engine | platform |\n|---|---|---|`);
  console.log(`| in all (wall time ÷ pictures) | ${perPicture(bare).toFixed(1)} | ${perPicture(whole).toFixed(1)} |`);
  const cpuOf = (runs: readonly Run[]): string =>
    median(runs.map((run) => (run.cpuSeconds * 1000) / pictures)).toFixed(1);
  console.log(`| processor time | ${cpuOf(bare)} | ${cpuOf(whole)} |`);
  for (const name of phaseNames) {
    const of = (runs: readonly Run[]): string => {
      const all = runs.flatMap(({ phases }) => phases.flatMap((one) => one[`${name}Ms`] ?? []));
      return all.length === 0 ? '' : median(all).toFixed(1);
    };
    console.log(`| ${name} | ${of(bare)} | ${of(whole)} |`);
  }
} finally {
  await server.close();
  await models.close();
  await rm(dataDir, { recursive: true, force: true });
}
