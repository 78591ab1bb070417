/**
 * The capacity simulator against the truth: the same short traces are drawn by a server over HTTP and simulated with
 * the timings that were measured on it just before and after each. Mean and p95 of the waiting times should agree within 10 %.
 *
 *     node benchmarks/simulator-validation.ts [--device cpu | fixed:200] [--seconds 60] [--load 0.7] [--seeds 1,2,3] [--write timings.json]
 *
 * What is measured: the step of 1 to `slots` pictures and their decoding, from pictures that are drawn together on the
 * idle server; what the platform takes around them; and how much a picture takes when there is always one waiting,
 * since writing files and records shares the processors with the next steps. The traces are Poisson processes.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../apps/server/src/config/load.ts';
import { startServer } from '../apps/server/src/main/serve.ts';
import {
  type Arrival,
  measuredDevice,
  reportDay,
  type SimulatedDevice,
  seededRandom,
  simulateDay,
} from '../apps/server/src/simulation.ts';
import { type Client, createClient } from '../packages/api/src/client/index.ts';
import { spread } from './statistics.ts';

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'cpu' },
    seconds: { type: 'string', default: '60' },
    load: { type: 'string', default: '0.7' },
    seeds: { type: 'string', default: '1,2,3' },
    rounds: { type: 'string', default: '7' },
    write: { type: 'string' },
  },
});
const { device } = values;
const isFixed = device.startsWith('fixed');
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const shape = { width: 256, height: 256 };
const steps = 8;
const slots = 4;
/** Pictures that wait at once where the device never rests. */
const backlog = 40;
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };

interface Waits {
  readonly mean: number;
  readonly p95: number;
}

/** Ms; terms as in the simulator. */
interface Measured {
  /** Of 1 to `slots` pictures. */
  readonly stepMs: readonly number[];
  readonly decodeMs: number;
  readonly acceptMs: number;
  readonly fileMs: number;
  readonly storeMs: number;
  /** A picture where there is always one waiting. */
  readonly waitingMs: number;
}

const folder = await mkdtemp(join(tmpdir(), 'imagemill-validation-'));
const model = isFixed ? undefined : fileURLToPath(new URL('../models/demo', import.meta.url));
const overrides = { dataDir: folder, port: 0, device, slots, calibrate: false, warmUpEveryMs: 0, model };
const server = await startServer(loadConfig({ overrides, environment: { PATH: process.env['PATH'] }, folder }), {
  log: silent,
});
try {
  const client = createClient({ baseUrl: server.url });
  console.log(
    `${cpus()[0]?.model}, ${device}, ${shape.width}², ${steps} steps, ${slots} slots, load ${loadavg()[0]?.toFixed(1)}`,
  );
  await drawTogether(client, slots);
  await drawBacklog(client);
  const differences: Waits[] = [];
  for (const seed of values.seeds.split(',').map(Number)) {
    const before = await measure(client);
    const arrivals = arrivalsAt((1_000 * Number(values.load)) / before.waitingMs, seed);
    const real = waitsOf(await replay(client, arrivals));
    const { timings, text } = timingsOf(between(before, await measure(client)));
    const simulated = simulate(arrivals, measuredDevice(timings));
    console.log(`\nseed ${seed}, ${arrivals.length} pictures in ${seconds} s: ${text}`);
    const own = { mean: simulated.mean / real.mean - 1, p95: simulated.p95 / real.p95 - 1 };
    for (const name of ['mean', 'p95'] as const)
      console.log(
        `${name}: real ${real[name].toFixed(3)} s, simulated ${simulated[name].toFixed(3)} s, ${percent(own[name])} %`,
      );
    differences.push(own);
    if (values.write !== undefined) await writeFile(values.write, JSON.stringify(timings));
  }
  for (const name of ['mean', 'p95'] as const)
    console.log(
      `${name}: ${spread(
        differences.map((own) => 100 * own[name]),
        1,
      )} %`,
    );
} finally {
  await server.close();
  await rm(folder, { recursive: true, force: true });
}

/** Means, since waiting times follow from them: the middle value would leave out the slow ones. */
async function measure(client: Client): Promise<Measured> {
  const before = await read();
  const drawn: Drawn[][] = [];
  const batches: number[] = [];
  for (let pictures = 1; pictures <= slots; pictures++) {
    const some: Drawn[] = [];
    const first = await read();
    for (let round = 0; round < rounds; round++) some.push(...(await drawTogether(client, pictures)));
    const last = await read();
    drawn.push(some);
    // The first of them steps alone while the others come in.
    batches.push((last.batchSum - first.batchSum) / (last.batchCount - first.batchCount));
  }
  const all = drawn.flat();
  const deviceEach = ((await read()).deviceMs - before.deviceMs) / all.length;
  const seen = drawn.map((some) => mean(some.map((one) => one.stepMs)));
  const stepMs = isFixed ? seen : lineThrough(batches, seen);
  // What all of them were charged beyond their shares of steps is their decoding.
  const shareMs = mean(drawn.flatMap((some, at) => some.map((one) => (steps * one.stepMs) / (batches[at] ?? 1))));
  const decodeMs = Math.max(0, deviceEach - shareMs);
  const alone = drawn[0] ?? [];
  const denoiseMs = steps * (stepMs[0] ?? Number.NaN);
  const fileMs = Math.max(0, mean(alone.map((one) => one.afterStepsMs)) - decodeMs);
  const acceptMs = mean(alone.map((one) => one.acceptMs));
  const waitMs = mean(alone.map((one) => one.waitMs));
  const storeMs = Math.max(0, waitMs - acceptMs - denoiseMs - decodeMs - fileMs);
  const waitingMs = 1_000 * mean([await drawBacklog(client), await drawBacklog(client), await drawBacklog(client)]);
  return { stepMs, decodeMs, acceptMs, fileMs, storeMs, waitingMs };
}

/** What was measured before and after a trace, so that a machine that changes meanwhile is met halfway. */
function between(before: Measured, after: Measured): Measured {
  const of = (pick: (one: Measured) => number): number => mean([pick(before), pick(after)]);
  return {
    stepMs: before.stepMs.map((ms, index) => mean([ms, after.stepMs[index] ?? ms])),
    decodeMs: of(({ decodeMs }) => decodeMs),
    acceptMs: of(({ acceptMs }) => acceptMs),
    fileMs: of(({ fileMs }) => fileMs),
    storeMs: of(({ storeMs }) => storeMs),
    waitingMs: of(({ waitingMs }) => waitingMs),
  };
}

/** The timings as the simulator takes them, with what a picture takes more among others. */
function timingsOf({ stepMs, decodeMs, acceptMs, fileMs, storeMs, waitingMs }: Measured) {
  const platform = { acceptMs, fileMs, storeMs };
  const timings = (crowdMs: number) => ({
    sizes: [{ ...shape, stepMs, fixedMs: decodeMs + crowdMs }],
    platform,
  });
  const arrivals = Array.from({ length: backlog }, () => arrivalOf(0));
  const { pictures } = simulateDay(dayOf(arrivals, measuredDevice(timings(0))));
  const expectedMs = Math.max(...pictures.map(({ finishedAt }) => finishedAt)) / backlog;
  const crowdMs = Math.max(0, waitingMs - expectedMs);
  const shown = (ms: number): string => ms.toFixed(1);
  return {
    timings: timings(crowdMs),
    text: `steps of 1 to ${slots} pictures ${stepMs.map(shown).join(', ')} ms, decoding ${shown(decodeMs)}, accepting ${shown(acceptMs)}, file ${shown(fileMs)}, storing ${shown(storeMs)}, among others ${shown(crowdMs)} more; one of many waiting ${shown(waitingMs)}`,
  };
}

/** Ms of a step of 1 to `slots` pictures, on the line that fits best what steps of so many on average took. */
function lineThrough(batches: readonly number[], ms: readonly number[]): readonly number[] {
  const [x, y] = [mean(batches), mean(ms)];
  const slope =
    mean(batches.map((batch, at) => (batch - x) * ((ms[at] ?? y) - y))) /
    mean(batches.map((batch) => (batch - x) ** 2));
  return Array.from({ length: slots }, (_, index) => y + slope * (index + 1 - x));
}

/** What the metrics count since the start: device time that pictures were charged, and the batches that they were in. */
async function read(): Promise<{ readonly deviceMs: number; readonly batchSum: number; readonly batchCount: number }> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const sumOf = (name: string): number =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  return {
    deviceMs: 1_000 * sumOf('imagemill_device_seconds_total'),
    batchSum: sumOf('imagemill_batch_size_sum'),
    batchCount: sumOf('imagemill_batch_size_count'),
  };
}

interface Drawn {
  /** From the request to the claim. */
  readonly acceptMs: number;
  readonly stepMs: number;
  /** Decoding and the file format. */
  readonly afterStepsMs: number;
  /** From the request to the picture. */
  readonly waitMs: number;
}

/** Draws pictures side by side on the idle server. */
async function drawTogether(client: Client, count: number): Promise<readonly Drawn[]> {
  const { jobs } = await draw(client, count);
  return jobs.map(({ createdAt, startedAt = '', finishedAt = '', timings }) => ({
    acceptMs: Date.parse(startedAt) - Date.parse(createdAt),
    stepMs: (timings?.denoiseMs ?? Number.NaN) / steps,
    afterStepsMs: timings?.decodeMs ?? Number.NaN,
    waitMs: Date.parse(finishedAt) - Date.parse(createdAt),
  }));
}

/** Seconds of a picture where there is always one waiting. */
async function drawBacklog(client: Client): Promise<number> {
  const start = performance.now();
  await Promise.all(Array.from({ length: backlog }, () => draw(client, 1)));
  return (performance.now() - start) / 1_000 / backlog;
}

async function draw(client: Client, count: number) {
  const prompt = 'a red apple on a wooden table';
  const { id } = await client.submitGeneration({ prompt, ...shape, steps, count, priority: 'bulk' });
  for await (const _ of client.events(id));
  return client.getGeneration(id);
}

/** A Poisson process. */
function arrivalsAt(perSecond: number, seed: number): readonly Arrival[] {
  const random = seededRandom(seed);
  const arrivals: Arrival[] = [];
  for (let at = 0; ; ) {
    at += (-Math.log(1 - random()) / perSecond) * 1_000;
    if (at > seconds * 1_000) return arrivals;
    arrivals.push(arrivalOf(at));
  }
}

function arrivalOf(at: number): Arrival {
  return { at, ...shape, steps, priority: 'bulk', tenantId: 'default' };
}

/** Asks for pictures at the times of the trace; gives the seconds from each request to its picture, sorted. */
async function replay(client: Client, arrivals: readonly Arrival[]): Promise<readonly number[]> {
  const start = performance.now();
  const waits = await Promise.all(
    arrivals.map(async ({ at }) => {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - (performance.now() - start))));
      const { createdAt, finishedAt = '' } = await draw(client, 1);
      return (Date.parse(finishedAt) - Date.parse(createdAt)) / 1_000;
    }),
  );
  return waits.sort((a, b) => a - b);
}

function waitsOf(sorted: readonly number[]): Waits {
  return { mean: mean(sorted), p95: sorted[Math.ceil(0.95 * sorted.length) - 1] ?? Number.NaN };
}

function simulate(arrivals: readonly Arrival[], found: SimulatedDevice): Waits {
  const windows = [[0, 2 * seconds * 1_000]] as const;
  const [report] = reportDay(simulateDay(dayOf(arrivals, found)), { windows, devices: 1, pricePerHour: undefined });
  return { mean: report?.meanSeconds ?? Number.NaN, p95: report?.p95Seconds ?? Number.NaN };
}

function dayOf(arrivals: readonly Arrival[], found: SimulatedDevice): Parameters<typeof simulateDay>[0] {
  const always = { failureRate: 0, maxAttempts: 1, backOffMs: 0, random: () => 0.5 };
  return { arrivals, slots, devices: [found], maxBatchTokens: 1e9, ...always };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}

function ignore(): void {}
