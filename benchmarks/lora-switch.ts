/**
 * What another adapter costs on the demo model, 256 × 256: the step after a change, an adapter that was never seen
 * (read from its file) and one that is in memory, against a step with the same adapter as before, in turns.
 *
 *     node benchmarks/lora-switch.ts [--rounds 30] [--threads 2]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { denoiseStep, ZImagePipeline } from '@imagemill/diffusion';
import { openDevice } from '@imagemill/diffusion/onnxruntime';
import { writeLora } from '../tests/support/demo-lora.ts';
import { median, spread } from './statistics.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '30' }, threads: { type: 'string', default: '2' } },
});
const rounds = Number(values.rounds);
const threads = Number(values.threads);
const model = fileURLToPath(new URL('../models/demo', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'imagemill-lora-switch-'));
const { runtime } = await openDevice({ device: 'cpu', weights: 'packed', threads });
const pipeline = await ZImagePipeline.open(model, runtime);
await pipeline.warmUp();

/** From the choice of an adapter to the end of a step with it, in ms. */
async function step(adapter: string): Promise<number> {
  const settings = { prompt: 'a fox', negativePrompt: '', width: 256, height: 256, seed: 1, steps: 8 };
  const start = performance.now();
  const loras = [{ adapter, strength: 1 }];
  const item = await pipeline.prepare({ ...settings, guidance: { scale: 0 }, loras });
  await denoiseStep(pipeline, [item]);
  return performance.now() - start;
}

const files: string[] = [];
for (let at = 0; at <= rounds; at += 1)
  files.push(await writeLora(folder, `lora-${at}`, { model, seed: 1 + 1000 * at }));
const [first = ''] = files;
// The first adapter of all opens the sessions with inputs for adapters, once for the life of the model.
const firstMs = await step(first);
const same: number[] = [];
const known: number[] = [];
const unseen: number[] = [];
for (const file of files.slice(1)) {
  same.push(await step(first));
  unseen.push(await step(file));
  await step(first);
  known.push(await step(file));
  await step(first);
}
const show = (name: string, ms: readonly number[]): string => `${name.padEnd(24)} ${spread(ms, 1)} ms`;
process.stdout.write(`${cpus()[0]?.model}, ${threads} threads, load ${loadavg()[0]?.toFixed(1)}, ${rounds} rounds\n`);
process.stdout.write(`${'first adapter of all'.padEnd(24)} ${firstMs.toFixed(1)} ms\n`);
process.stdout.write(
  `${show('same adapter', same)}\n${show('another, in memory', known)}\n${show('another, from its file', unseen)}\n`,
);
const cost = median(unseen) - median(same);
process.stdout.write(`switching to an unseen adapter costs ${cost.toFixed(1)} ms\n`);
await pipeline.release();
await rm(folder, { recursive: true });
