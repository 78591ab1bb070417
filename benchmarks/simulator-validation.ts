/**
 * The capacity simulator against the truth: the same short traces are drawn by a server over HTTP and simulated with
 * timings that were measured on it. Mean and p95 of the waiting times should agree within 10 %.
 *
 *     node benchmarks/simulator-validation.ts [--device cpu | fixed:200] [--seconds 30] [--load 0.7] [--seeds 1,2,3,4]
 *         [--log pictures.csv] [--write timings.json]
 *
 * Timings are read from the server's own traces (OTLP): the step of 1 to `slots` pictures, which is the line that fits
 * the pictures best, decoding, and what the platform takes around them. Each trace is simulated twice:
 *
 * - with the device's timings of the trace itself: whether the simulator orders, batches and adds up as a server does;
 * - with those of pictures drawn just before and after: how well the day of a machine can be told ahead of it.
 *
 * The arrivals are Poisson processes.
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
  type DrawnPicture,
  type MeasuredTimings,
  measuredDevice,
  type PlatformTiming,
  percentile,
  seededRandom,
  simulateDay,
} from '../apps/server/src/simulation.ts';
import { type Client, createClient } from '../packages/api/src/client/index.ts';
import { startTraceReader, type TracedPicture } from './read-traces.ts';
import { median, spread } from './statistics.ts';

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'cpu' },
    seconds: { type: 'string', default: '30' },
    load: { type: 'string', default: '0.7' },
    seeds: { type: 'string', default: '1,2,3,4' },
    rounds: { type: 'string', default: '7' },
    log: { type: 'string' },
    write: { type: 'string' },
  },
});
const { device } = values;
const fixedMs = device.startsWith('fixed:') ? Number(device.slice('fixed:'.length)) : undefined;
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const shape = { width: 256, height: 256 };
const steps = 8;
const slots = 4;
/** Pictures that wait at once where the device never rests. */
const backlog = 40;
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Ms of the device: steps of 1 to `slots` pictures; prompt and decoding of one, and what is between its calls. */
interface DeviceMs {
  readonly stepMs: readonly number[];
  readonly fixedMs: number;
}

interface Waits {
  readonly mean: number;
  readonly p95: number;
}

const folder = await mkdtemp(join(tmpdir(), 'imagemill-validation-'));
const traces = await startTraceReader();
const model = fixedMs === undefined ? fileURLToPath(new URL('../models/demo', import.meta.url)) : undefined;
const engine = { device, slots, model, calibrate: false, warmUpEveryMs: 0 };
const overrides = { dataDir: folder, port: 0, traceUrl: traces.url, ...engine };
const server = await startServer(loadConfig({ overrides, environment: { PATH: process.env['PATH'] }, folder }), {
  log: silent,
});
try {
  const client = createClient({ baseUrl: server.url });
  const machine = `${cpus()[0]?.model}, ${device}, ${shape.width}², ${steps} steps, ${slots} slots`;
  console.log(`${machine}, load ${loadavg()[0]?.toFixed(1)}, ${new Date().toISOString()}`);
  await drawTogether(client, slots);
  const log = ['seed,at,queue,attempt,batch,denoise,decodeAndFile,wait,simulatedWait'];
  const differences = { itself: [] as Waits[], around: [] as Waits[] };
  let before = await measure(client);
  for (const seed of values.seeds.split(',').map(Number)) {
    const { stepMs, fixedMs: decodeMs } = deviceOf(before.pictures, before.betweenMs);
    const arrivals = arrivalsAt(
      (1_000 * Number(values.load)) / ((steps * (stepMs[slots - 1] ?? 0)) / slots + decodeMs),
      seed,
    );
    const drawn = await replay(client, arrivals);
    const after = await measure(client);
    const around = [...before.pictures, ...after.pictures];
    const betweenMs = mean([before.betweenMs, after.betweenMs]);
    const platform = platformOf(around, betweenMs);
    const real = waitsOf(drawn.map(({ waitMs }) => waitMs));
    console.log(`\nseed ${seed}, ${arrivals.length} pictures in ${seconds} s, load ${loadavg()[0]?.toFixed(1)}`);
    console.log(`platform: ${textOf(platform)}, between calls ${betweenMs.toFixed(1)}`);
    for (const [name, pictures] of [
      ['itself', drawn],
      ['around', around],
    ] as const) {
      const timings = { sizes: [{ ...shape, ...deviceOf(pictures, betweenMs) }], platform };
      const day = simulateDay(dayOf(arrivals, timings));
      const simulated = waitsOf(day.pictures.map(({ arrivedAt, finishedAt }) => finishedAt - arrivedAt));
      const difference = { mean: simulated.mean / real.mean - 1, p95: simulated.p95 / real.p95 - 1 };
      differences[name].push(difference);
      const both = (['mean', 'p95'] as const).map(
        (key) =>
          `${key} ${real[key].toFixed(3)} s, simulated ${simulated[key].toFixed(3)} s, ${percent(difference[key])} %`,
      );
      console.log(`timings of the trace ${name}: ${textOf(deviceOf(pictures, betweenMs))}\n  ${both.join('; ')}`);
      if (name === 'itself') log.push(...linesOf(seed, drawn, day.pictures));
      else if (values.write !== undefined) await writeFile(values.write, JSON.stringify(timings));
    }
    before = after;
  }
  if (values.log !== undefined) await writeFile(values.log, `${log.join('\n')}\n`);
  for (const name of ['itself', 'around'] as const) {
    const of = (key: keyof Waits): string =>
      spread(
        differences[name].map((one) => 100 * one[key]),
        1,
      );
    console.log(`\ntimings of the trace ${name}: mean ${of('mean')} %, p95 ${of('p95')} %`);
  }
} finally {
  await server.close();
  await traces.close();
  await rm(folder, { recursive: true, force: true });
}

interface Finished {
  readonly id: string;
  /** From the request to the picture. */
  readonly waitMs: number;
}

type Drawn = Finished & TracedPicture;

interface Measured {
  /** Drawn alone and together on the idle server. */
  readonly pictures: readonly Drawn[];
  /** Ms a picture in which the device stands still although pictures are there: messages, measuring for the gate. */
  readonly betweenMs: number;
}

async function measure(client: Client): Promise<Measured> {
  // The fixed-time device draws one after the other.
  const most = fixedMs === undefined ? slots : 1;
  const finished: Finished[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let pictures = 1; pictures <= most; pictures++) finished.push(...(await drawTogether(client, pictures)));
  }
  const pictures = await withTraces(finished);
  if (fixedMs !== undefined) return { pictures, betweenMs: 0 };
  const start = performance.now();
  const crowd = await drawTogether(client, backlog);
  const { acceptMs, fileMs, storeMs } = platformOf(pictures, 0);
  const busyMs = performance.now() - start - acceptMs - fileMs - storeMs;
  const deviceMs = mean((await withTraces(crowd)).map((picture) => picture.deviceMs));
  return { pictures, betweenMs: Math.max(0, busyMs / backlog - deviceMs) };
}

function drawTogether(client: Client, count: number): Promise<readonly Finished[]> {
  return Promise.all(Array.from({ length: count }, () => draw(client)));
}

async function draw(client: Client): Promise<Finished> {
  const prompt = 'a red apple on a wooden table';
  const { id } = await client.submitGeneration({ prompt, ...shape, steps, priority: 'bulk' });
  for await (const _ of client.events(id));
  const { createdAt, finishedAt = '' } = await client.getGeneration(id);
  return { id, waitMs: Date.parse(finishedAt) - Date.parse(createdAt) };
}

/** Traces come some time after the pictures, which the device must not stand idle for. */
function withTraces(finished: readonly Finished[]): Promise<readonly Drawn[]> {
  return Promise.all(finished.map(async (one) => ({ ...one, ...(await traces.pictureOf(one.id)) })));
}

/** Means, since waiting times follow from them: the middle value would leave out the slow ones. */
function deviceOf(pictures: readonly Drawn[], betweenMs: number): DeviceMs {
  if (fixedMs !== undefined) {
    return { stepMs: Array.from({ length: slots }, (_, index) => ((index + 1) * fixedMs) / steps), fixedMs: 0 };
  }
  // A picture's time in steps is linear in the pictures that moved with it if that of a step is.
  const [x, y] = [mean(pictures.map(({ batch }) => batch)), mean(pictures.map(({ denoiseMs }) => denoiseMs / steps))];
  const slope =
    mean(pictures.map(({ batch, denoiseMs }) => (batch - x) * (denoiseMs / steps - y))) /
    mean(pictures.map(({ batch }) => (batch - x) ** 2));
  const stepMs = Array.from({ length: slots }, (_, index) => y + slope * (index + 1 - x));
  return { stepMs, fixedMs: betweenMs + mean(pictures.map(({ encodeMs, pixelsMs }) => encodeMs + pixelsMs)) };
}

/** Middle values of pictures that nobody disturbed: one that waits for another is the simulator's business. */
function platformOf(pictures: readonly Drawn[], betweenMs: number): PlatformTiming {
  const of = (pick: (picture: Drawn) => number): number => Math.max(0, median(alone(pictures).map(pick)));
  const fileMs = of(({ decodeMs, pixelsMs }) => decodeMs - pixelsMs);
  return {
    acceptMs: of(({ queueMs }) => queueMs),
    fileMs,
    storeMs: of(({ waitMs, queueMs, deviceMs }) => waitMs - queueMs - deviceMs - betweenMs - fileMs),
  };
}

/** Those that no other moved with. */
function alone(pictures: readonly Drawn[]): readonly Drawn[] {
  return pictures.filter(({ batch }) => batch === 1);
}

/** A Poisson process. */
function arrivalsAt(perSecond: number, seed: number): readonly Arrival[] {
  const random = seededRandom(seed);
  const arrivals: Arrival[] = [];
  for (let at = 0; ; ) {
    at += (-Math.log(1 - random()) / perSecond) * 1_000;
    if (at > seconds * 1_000) return arrivals;
    arrivals.push({ at, ...shape, steps, priority: 'bulk', tenantId: 'default' });
  }
}

/** Asks for pictures at the times of the trace; gives them in its order. */
async function replay(client: Client, arrivals: readonly Arrival[]): Promise<readonly Drawn[]> {
  const start = performance.now();
  const finished = await Promise.all(
    arrivals.map(async ({ at }) => {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - (performance.now() - start))));
      return draw(client);
    }),
  );
  return withTraces(finished);
}

function waitsOf(waitMs: readonly number[]): Waits {
  const sorted = waitMs.map((ms) => ms / 1_000).sort((a, b) => a - b);
  return { mean: mean(sorted), p95: percentile(sorted, 0.95) ?? Number.NaN };
}

function dayOf(arrivals: readonly Arrival[], timings: MeasuredTimings): Parameters<typeof simulateDay>[0] {
  const always = { failureRate: 0, maxAttempts: 1, backOffMs: 0, random: () => 0.5 };
  return { arrivals, slots, devices: [measuredDevice(timings)], maxBatchTokens: 1e9, ...always };
}

function linesOf(seed: number, drawn: readonly Drawn[], simulated: readonly DrawnPicture[]): readonly string[] {
  const ordered = [...simulated].sort((a, b) => a.arrivedAt - b.arrivedAt);
  return drawn.map(({ queueMs, attemptMs, batch, denoiseMs, decodeMs, waitMs }, index) => {
    const { arrivedAt = 0, finishedAt = 0 } = ordered[index] ?? {};
    const ms = [arrivedAt, queueMs, attemptMs, batch, denoiseMs, decodeMs, waitMs, finishedAt - arrivedAt];
    return [seed, ...ms.map((one) => one.toFixed(1))].join(',');
  });
}

function textOf(ms: DeviceMs | PlatformTiming): string {
  const shown = (one: number): string => one.toFixed(1);
  if ('stepMs' in ms) return `steps ${ms.stepMs.map(shown).join(', ')} ms, decoding ${shown(ms.fixedMs)}`;
  return `accepting ${shown(ms.acceptMs)} ms, file ${shown(ms.fileMs)}, storing ${shown(ms.storeMs)}`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}

function ignore(): void {}
