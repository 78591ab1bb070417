/**
 * The capacity simulator against the truth: the same short trace is drawn by a server over HTTP and simulated with the
 * timings that were measured on it just before. Mean and p95 of the waiting times should agree within 10 %.
 *
 *     node benchmarks/simulator-validation.ts [--device cpu | fixed:200] [--seconds 90] [--load 0.7] [--seed 1]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../apps/server/src/config/load.ts';
import { startServer } from '../apps/server/src/main/serve.ts';
import {
  type Arrival,
  reportDay,
  type SimulatedDevice,
  seededRandom,
  simulateDay,
} from '../apps/server/src/simulation.ts';
import { type Client, createClient } from '../packages/api/src/client/index.ts';
import { median } from './statistics.ts';

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'cpu' },
    seconds: { type: 'string', default: '90' },
    load: { type: 'string', default: '0.7' },
    seed: { type: 'string', default: '1' },
  },
});
const { device, seed } = values;
const seconds = Number(values.seconds);
const shape = { width: 256, height: 256 };
const steps = 8;
const slots = 4;
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };

const folder = await mkdtemp(join(tmpdir(), 'imagemill-validation-'));
const model = device.startsWith('fixed') ? undefined : fileURLToPath(new URL('../models/demo', import.meta.url));
const overrides = { dataDir: folder, port: 0, device, slots, calibrate: false, warmUpEveryMs: 0, model };
const server = await startServer(loadConfig({ overrides, environment: { PATH: process.env['PATH'] }, folder }), {
  log: silent,
});
try {
  const client = createClient({ baseUrl: server.url });
  console.log(
    `${cpus()[0]?.model}, ${device}, ${shape.width}², ${steps} steps, ${slots} slots, load ${loadavg()[0]?.toFixed(1)}`,
  );
  await drawMany(client, 8, slots);
  const timing = await measure(client);
  const arrivals = arrivalsAt(Number(values.load) / timing.secondsEach);
  const real = await replay(client, arrivals);
  const day = simulateDay({
    ...{ arrivals, slots, devices: [timing.device], maxBatchTokens: 1e9 },
    ...{ failureRate: 0, maxAttempts: 1, backOffMs: 0, random: () => 0.5 },
  });
  const windows = [[0, 2 * seconds * 1_000]] as const;
  const [simulated] = reportDay(day, { windows, devices: 1, pricePerHour: undefined });
  const again = await measure(client);
  const p95 = real[Math.ceil(0.95 * real.length) - 1] ?? Number.NaN;
  const mean = real.reduce((sum, one) => sum + one, 0) / real.length;
  const difference = (own: number, other: number | null | undefined) =>
    `${(100 * ((other ?? Number.NaN) / own - 1)).toFixed(1)} %`;
  console.log(
    `${arrivals.length} pictures in ${seconds} s, ${values.load} of ${(1 / timing.secondsEach).toFixed(2)} a second`,
  );
  console.log(`a picture took ${timing.secondsEach.toFixed(3)} s before and ${again.secondsEach.toFixed(3)} s after`);
  console.log(
    `mean: real ${mean.toFixed(3)} s, simulated ${simulated?.meanSeconds?.toFixed(3)} s, ${difference(mean, simulated?.meanSeconds)}`,
  );
  console.log(
    `p95:  real ${p95.toFixed(3)} s, simulated ${simulated?.p95Seconds?.toFixed(3)} s, ${difference(p95, simulated?.p95Seconds)}`,
  );
} finally {
  await server.close();
  await rm(folder, { recursive: true, force: true });
}

/** Device time of a step of 1 to `slots` pictures, and of the rest, from pictures drawn side by side. */
async function measure(client: Client): Promise<{ readonly device: SimulatedDevice; readonly secondsEach: number }> {
  const each: number[] = [];
  const fixed: number[] = [];
  for (let together = 1; together <= slots; together++) {
    const rounds: number[] = [];
    for (let round = 0; round < 3; round++) {
      const { ms, decodeMs } = await drawMany(client, 3 * together + 3, together);
      rounds.push(ms);
      if (together === 1) fixed.push(...decodeMs);
    }
    each.push(median(rounds));
  }
  // The fixed-time device decodes nothing.
  const rest = device.startsWith('fixed') ? 0 : median(fixed);
  return {
    secondsEach: (each.at(-1) ?? 0) / 1_000,
    device: {
      fixedMs: () => rest,
      stepMs: (_shape, pictures) => {
        const ms = each[Math.min(pictures, slots) - 1] ?? 0;
        return (pictures * Math.max(0, ms - rest)) / steps;
      },
    },
  };
}

/** Draws so many pictures, a number of them at once; gives the time that each takes of the device. */
async function drawMany(
  client: Client,
  count: number,
  together: number,
): Promise<{ readonly ms: number; readonly decodeMs: readonly number[] }> {
  const decodeMs: number[] = [];
  let left = count;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: together }, async () => {
      while (left > 0) {
        left -= 1;
        const { jobs } = await draw(client);
        decodeMs.push(jobs[0]?.timings?.decodeMs ?? 0);
      }
    }),
  );
  return { ms: (performance.now() - start) / count, decodeMs };
}

async function draw(client: Client) {
  const { id } = await client.submitGeneration({
    prompt: 'a red apple on a wooden table',
    ...shape,
    steps,
    priority: 'bulk',
  });
  for await (const _ of client.events(id));
  return client.getGeneration(id);
}

/** A Poisson process. */
function arrivalsAt(perSecond: number): readonly Arrival[] {
  const random = seededRandom(Number(seed));
  const arrivals: Arrival[] = [];
  for (let at = 0; ; ) {
    at += (-Math.log(1 - random()) / perSecond) * 1_000;
    if (at > seconds * 1_000) return arrivals;
    arrivals.push({ at, ...shape, steps, priority: 'bulk', tenantId: 'default' });
  }
}

/** Asks for pictures at the times of the trace; gives the seconds from each request to its picture, sorted. */
async function replay(client: Client, arrivals: readonly Arrival[]): Promise<readonly number[]> {
  const start = performance.now();
  const waits = await Promise.all(
    arrivals.map(async ({ at }) => {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - (performance.now() - start))));
      const { createdAt, finishedAt = '' } = await draw(client);
      return (Date.parse(finishedAt) - Date.parse(createdAt)) / 1_000;
    }),
  );
  return waits.sort((a, b) => a - b);
}

function ignore(): void {}
