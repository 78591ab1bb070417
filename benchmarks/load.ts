/**
 * Time and memory of loading a model, in every weight mode, each in a process of its own: from the folder to sessions
 * that are ready to draw, and then one picture.
 *
 *     node benchmarks/load.ts [--model models/demo] [--rounds 5] [--modes mapped,packed,fp16,w8a8]
 *
 * Memory is anonymous memory over that of the started engine (Node, ONNX Runtime, self-test), which is printed too.
 * "Weights as computed with" are 4 bytes each, 1 byte for the linear layers of the blocks in w8a8.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { denoiseStep, type WeightMode, ZImagePipeline } from '@imagemill/diffusion';
import { openDevice } from '@imagemill/diffusion/onnxruntime';
import { median, spread } from './statistics.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: fileURLToPath(new URL('../models/demo', import.meta.url)) },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    size: { type: 'string', default: '256' },
    modes: { type: 'string', default: 'mapped,packed,fp16,w8a8' },
    /** Set in the measured process. */
    measure: { type: 'string' },
    cache: { type: 'string', default: '' },
  },
});

interface Loaded {
  /** Folder to parsed headers and located weights; to open sessions. */
  readonly openMs: number;
  readonly sessionsMs: number;
  readonly firstPictureMs: number;
  /** MB. */
  readonly weights: number;
  readonly startedMemory: number;
  readonly loadedMemory: number;
  readonly drawnMemory: number;
}

if (values.measure === undefined) await compareModes();
else console.log(JSON.stringify(await measure(values.measure as WeightMode)));

async function measure(weights: WeightMode): Promise<Loaded> {
  const { runtime } = await openDevice({ device: 'cpu', weights, threads: Number(values.threads) });
  const startedMemory = anonymousMegabytes();
  const start = performance.now();
  const pipeline = await ZImagePipeline.open(values.model, runtime, { cacheDir: values.cache });
  const opened = performance.now();
  await pipeline.warmUp();
  const loaded = performance.now();
  const loadedMemory = anonymousMegabytes() - startedMemory;
  const side = Number(values.size);
  const item = await pipeline.prepare({
    prompt: 'a red apple on a white background',
    negativePrompt: '',
    width: side,
    height: side,
    seed: 1,
    steps: 8,
    guidance: { scale: 0 },
  });
  while (item.step < item.schedule.steps) await denoiseStep(pipeline, [item]);
  await pipeline.decode(item.latent, item.grid);
  return {
    openMs: opened - start,
    sessionsMs: loaded - opened,
    firstPictureMs: performance.now() - loaded,
    weights: computedMegabytes(pipeline),
    startedMemory,
    loadedMemory,
    drawnMemory: anonymousMegabytes() - startedMemory,
  };
}

function computedMegabytes({ checkpoint }: ZImagePipeline): number {
  const parts = [checkpoint.transformer.weights, checkpoint.textEncoder.weights, checkpoint.vae.weights];
  const bytes = parts.flatMap((weights) =>
    weights.names().map((name) => {
      const { type, shape, length } = weights.get(name);
      const isLoaded = !name.startsWith('encoder.') && !name.startsWith('embed_tokens'); // the encoder of the VAE is opened on use; embeddings stay in their file
      return !isLoaded
        ? 0
        : type === 'i8' || type === 'u8'
          ? length
          : 4 * shape.reduce((product, size) => product * size, 1);
    }),
  );
  return bytes.reduce((sum, size) => sum + size, 0) / 1e6;
}

function anonymousMegabytes(): number {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1e3;
}

async function compareModes(): Promise<void> {
  const cache = await mkdtemp(join(tmpdir(), 'imagemill-load-'));
  console.log(
    `${cpus()[0]?.model}, ${values.threads} threads, load ${loadavg()[0]?.toFixed(1)}, ${values.rounds} rounds, ${values.size}²`,
  );
  try {
    const runs = new Map<string, Loaded[]>(values.modes.split(',').map((mode) => [mode, []]));
    for (let round = -1; round < Number(values.rounds); round += 1) {
      for (const [mode, own] of runs) {
        const loaded = await observe(mode, cache);
        if (round >= 0) own.push(loaded); // the first round converts and fills the page cache
      }
    }
    for (const [mode, own] of runs) {
      const of = (key: keyof Loaded): number[] => own.map((loaded) => loaded[key]);
      const [weights, loaded] = [median(of('weights')), median(of('loadedMemory'))];
      console.log(
        `${mode.padEnd(6)} open ${spread(of('openMs'), 0)} ms, sessions ${spread(of('sessionsMs'), 0)} ms, first picture ${spread(of('firstPictureMs'), 0)} ms; ` +
          `weights as computed with ${weights.toFixed(1)} MB, loaded +${loaded.toFixed(1)} MB (${(loaded / weights).toFixed(2)} ×), ` +
          `after a picture +${median(of('drawnMemory')).toFixed(1)} MB, engine alone ${median(of('startedMemory')).toFixed(0)} MB`,
      );
    }
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

async function observe(mode: string, cache: string): Promise<Loaded> {
  const args = [
    '--model',
    values.model,
    '--measure',
    mode,
    '--cache',
    cache,
    '--threads',
    values.threads,
    '--size',
    values.size,
  ];
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url), ...args]);
  return JSON.parse(stdout) as Loaded;
}
