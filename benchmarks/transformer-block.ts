/**
 * One block of the transformer at the real width (3840 channels, 30 heads, 1024 tokens, random weights): every weight
 * mode against torch with diffusers' own block, in turn in one session, the same number of threads.
 *
 *     IMAGEMILL_BENCH_PYTHON=… node benchmarks/transformer-block.ts [--rounds 7] [--threads 2] [--modes packed,w8a8]
 *
 * Wall times suffer from whatever else runs, processor times do not; both are printed, as is the share of the peak of
 * fused multiply-adds that the processor reaches without memory (`reference/fma-peak.c`).
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readFloat32, readSafetensorsHeader, type WeightMode } from '@imagemill/diffusion';
import { openDevice } from '@imagemill/diffusion/onnxruntime';
import { type OpenedBlock, openSyntheticBlock, writeSyntheticBlock } from '@imagemill/diffusion/testing';
import { ReferenceProcess } from './reference-process.ts';
import { median, spread } from './statistics.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    threads: { type: 'string', default: '2' },
    modes: { type: 'string', default: 'packed,mapped,fp16,w8a8' },
    dim: { type: 'string', default: '3840' },
    heads: { type: 'string', default: '30' },
    tokens: { type: 'string', default: '1024' },
  },
});
const threads = Number(values.threads);
const size = { dim: Number(values.dim), heads: Number(values.heads), tokens: Number(values.tokens) };
const hidden = Math.trunc((size.dim / 3) * 8);
/** Multiplications and additions of the linear layers and of attention. */
const gigaflops =
  (2 * size.tokens * (4 * size.dim ** 2 + 3 * size.dim * hidden) + 4 * size.tokens ** 2 * size.dim) / 1e9;

interface Timing {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function time(block: OpenedBlock): Promise<Timing> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await block.run();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - start) / 1e3, cpuSeconds: (user + system) / 1e6 };
}

function distance(values: Float32Array, expected: Float32Array): number {
  let [difference, norm] = [0, 0];
  for (let at = 0; at < expected.length; at += 1) {
    difference += (values[at]! - expected[at]!) ** 2;
    norm += expected[at]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

function fmaPeak(folder: string): number | undefined {
  const source = fileURLToPath(new URL('./reference/fma-peak.c', import.meta.url));
  try {
    execFileSync('cc', ['-O2', '-funroll-loops', '-o', join(folder, 'fma-peak'), source], { stdio: 'ignore' });
    return Number(execFileSync(join(folder, 'fma-peak'), { encoding: 'utf8' }));
  } catch {
    return undefined; // no C compiler, or no x86
  }
}

const folder = await mkdtemp(join(tmpdir(), 'imagemill-block-'));
try {
  await writeSyntheticBlock(folder, size);
  const blocks = new Map<WeightMode, OpenedBlock>();
  for (const weights of values.modes.split(',') as WeightMode[]) {
    const { runtime } = await openDevice({ device: 'cpu', weights, threads });
    blocks.set(weights, await openSyntheticBlock(folder, size, runtime, join(folder, 'cache')));
  }
  const reference = new ReferenceProcess(
    'transformer_block.py',
    [folder, String(size.dim), String(size.heads)],
    threads,
  );
  const { ready } = await reference.answer<{ ready: string }>();
  await reference.ask({});
  const peak = fmaPeak(folder);
  console.log(
    `${cpus()[0]?.model}, ${threads} threads, load ${loadavg()[0]?.toFixed(1)}, torch ${ready}, ${gigaflops.toFixed(0)} GFLOP, peak ${peak ?? '?'} GFLOP/s a core`,
  );

  const expected = (await readSafetensorsHeader(join(folder, 'expected.safetensors'))).tensors.get('output');
  const output = expected === undefined ? new Float32Array() : await readFloat32(expected);
  const distances = new Map<WeightMode, number>();
  for (const [mode, block] of blocks) distances.set(mode, distance(await block.run(), output));

  const timings = new Map<WeightMode | 'torch', Timing[]>([...blocks.keys(), 'torch' as const].map((key) => [key, []]));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const [mode, block] of blocks) {
      timings.get(mode)?.push(await time(block));
      timings.get('torch')?.push(await reference.ask<Timing>({}));
    }
  }
  reference.close();

  const torch = timings.get('torch') ?? [];
  const packed = timings.get('packed') ?? [];
  [...blocks.keys()].forEach((mode, column) => {
    const own = timings.get(mode) ?? [];
    const rivals = own.map(
      (_, round) => torch[round * blocks.size + column] ?? { seconds: Number.NaN, cpuSeconds: Number.NaN },
    );
    const ratio = (rival: readonly Timing[], key: keyof Timing): string =>
      spread(own.map((timing, at) => (rival[at]?.[key] ?? Number.NaN) / timing[key]));
    const rate = gigaflops / median(own.map(({ cpuSeconds }) => cpuSeconds));
    console.log(
      `${mode.padEnd(6)} wall ${spread(own.map(({ seconds }) => seconds))} s, cpu ${spread(own.map(({ cpuSeconds }) => cpuSeconds))} s, ` +
        `${rate.toFixed(0)} GFLOP/cpu-s = ${peak === undefined ? '?' : ((100 * rate) / peak).toFixed(0)} % of peak; ` +
        `torch ÷ ours wall ${ratio(rivals, 'seconds')}, cpu ${ratio(rivals, 'cpuSeconds')}; ` +
        `packed ÷ ours wall ${ratio(packed, 'seconds')}, cpu ${ratio(packed, 'cpuSeconds')}; ` +
        `distance to torch ${distances.get(mode)?.toExponential(1)}`,
    );
  });
  console.log(
    `torch  wall ${spread(torch.map(({ seconds }) => seconds))} s, cpu ${spread(torch.map(({ cpuSeconds }) => cpuSeconds))} s`,
  );
  for (const block of blocks.values()) await block.release();
} finally {
  await rm(folder, { recursive: true, force: true });
}
