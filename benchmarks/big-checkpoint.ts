/**
 * A checkpoint of gigabytes: writes a synthetic one in shards, then converts and loads it in every weight mode, each time
 * in a process of its own, and prints time and memory up to the second forward of the transformer.
 *
 *     node benchmarks/big-checkpoint.ts [--gigabytes 4] [--type f32] [--tokens 256] [--modes fp16,w8a8,mapped,packed]
 *
 * Memory is the kernel's (`/proc/<pid>/status`, read every 5 ms): anonymous memory belongs to the process; file memory is
 * the page cache of the mapped weights, which the kernel takes back when it needs room.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openCheckpoint, torchRandn, type WeightMode, ZImagePipeline } from '@imagemill/diffusion';
import { openDevice } from '@imagemill/diffusion/onnxruntime';
import { writeSyntheticCheckpoint } from '@imagemill/diffusion/testing';

const { values } = parseArgs({
  options: {
    gigabytes: { type: 'string', default: '4' },
    type: { type: 'string', default: 'f32' },
    tokens: { type: 'string', default: '256' },
    threads: { type: 'string', default: '2' },
    modes: { type: 'string', default: 'fp16,w8a8,mapped,packed' },
    /** Set in the measured process: the mode, the folder of the checkpoint, and whether to end after converting. */
    measure: { type: 'string' },
    folder: { type: 'string', default: '' },
    convert: { type: 'boolean', default: false },
  },
});

/** Weights of a block 2048 channels wide: attention, feed-forward, modulation. */
const blockWeights = 4 * 2048 ** 2 + 3 * 2048 * 5461 + 256 * 8192;

if (values.measure === undefined) await compareModes();
else await measure(values.measure as WeightMode);

/** The measured process: one line a phase. */
async function measure(weights: WeightMode): Promise<void> {
  const { runtime } = await openDevice({ device: 'cpu', weights, threads: Number(values.threads) });
  const caption = torchRandn(1, 32 * 512);
  const side = Math.sqrt(Number(values.tokens));
  const latent = torchRandn(2, 16 * 4 * side * side);
  let start = performance.now();
  const end = (phase: string): void => {
    console.log(JSON.stringify({ phase, seconds: (performance.now() - start) / 1e3, ...readMemory('self') }));
    start = performance.now();
  };
  end('start');
  const pipeline = await ZImagePipeline.open(values.folder, runtime, { cacheDir: join(values.folder, 'cache') });
  if (values.convert) return end('convert');
  await pipeline.transformer.warmUp();
  end('load');
  const inputs = [{ latent, time: 0.5, caption: await pipeline.transformer.encodeCaption(caption, 32) }];
  for (const phase of ['forward 1', 'forward 2']) {
    await pipeline.predict(inputs, { rows: side, columns: side });
    end(phase);
  }
}

interface Phase {
  readonly phase: string;
  readonly seconds: number;
  /** MB. Highest while the phase lasted, and at its end. */
  readonly peakAnonymous: number;
  readonly anonymous: number;
  readonly file: number;
  /** Highest resident size since the process started. */
  readonly peakResident: number;
}

async function compareModes(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'imagemill-big-'));
  try {
    const type = values.type as 'f32' | 'f16' | 'bf16';
    const layers = Math.max(
      1,
      Math.round((Number(values.gigabytes) * 1e9) / ((type === 'f32' ? 4 : 2) * blockWeights)) - 2,
    );
    const start = performance.now();
    await writeSyntheticCheckpoint(folder, { type, dim: 2048, heads: 16, layers, textWidth: 512, shardBytes: 1e9 });
    const { transformer } = await openCheckpoint(folder);
    const stored = transformer.weights.totalBytes / 1e6;
    console.log(
      `${cpus()[0]?.model}, ${values.threads} threads, load ${loadavg()[0]?.toFixed(1)}; transformer of ${layers} layers, 2048 wide, ` +
        `${stored.toFixed(0)} MB in ${type}, written in ${((performance.now() - start) / 1e3).toFixed(1)} s; ${values.tokens} image tokens`,
    );
    for (const mode of values.modes.split(',')) {
      const converts = mode === 'fp16' || mode === 'w8a8';
      if (converts) print(mode, await observe(mode, folder, true));
      print(mode, await observe(mode, folder, false));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function print(mode: string, phases: readonly Phase[]): void {
  const megabytes = (value: number): string => `${value.toFixed(0).padStart(5)} MB`;
  for (const { phase, seconds, ...memory } of phases) {
    if (phase === 'start') continue;
    console.log(
      `${mode.padEnd(6)} ${phase.padEnd(9)} ${seconds.toFixed(2).padStart(6)} s; anonymous peak ${megabytes(memory.peakAnonymous)}, ` +
        `after ${megabytes(memory.anonymous)}; file ${megabytes(memory.file)}; resident peak so far ${megabytes(memory.peakResident)}`,
    );
  }
}

/** Runs the measured process and watches its memory. */
async function observe(mode: string, folder: string, convert: boolean): Promise<Phase[]> {
  const self = fileURLToPath(import.meta.url);
  const args = [self, '--measure', mode, '--folder', folder, '--tokens', values.tokens, '--threads', values.threads];
  const child = spawn(process.execPath, convert ? [...args, '--convert'] : args, {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const phases: Phase[] = [];
  let peakAnonymous = 0;
  const watch = setInterval(() => {
    peakAnonymous = Math.max(peakAnonymous, readMemory(child.pid).anonymous);
  }, 5);
  for await (const line of createInterface({ input: child.stdout })) {
    const phase = JSON.parse(line) as Omit<Phase, 'peakAnonymous'>;
    phases.push({ ...phase, peakAnonymous: Math.max(peakAnonymous, phase.anonymous) });
    peakAnonymous = 0;
  }
  clearInterval(watch);
  return phases;
}

function readMemory(pid: number | 'self' | undefined): Pick<Phase, 'anonymous' | 'file' | 'peakResident'> {
  let status = '';
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // The process has ended.
  }
  const megabytes = (key: string): number =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1e3;
  return { anonymous: megabytes('RssAnon'), file: megabytes('RssFile'), peakResident: megabytes('VmHWM') };
}
