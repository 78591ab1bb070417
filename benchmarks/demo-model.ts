/**
 * Prompt to PNG bytes with the demo model, 256 × 256, 8 steps: this engine against diffusers with torch, in turn in one
 * session, the same number of threads. Every run has prompts of its own, so that no cache helps.
 *
 *     IMAGEMILL_BENCH_PYTHON=… node benchmarks/demo-model.ts [--rounds 9] [--threads 2]
 */
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ModelPool, SlotEngine, ZImagePipeline } from '@imagemill/diffusion';
import { openDevice } from '@imagemill/diffusion/onnxruntime';
import { ReferenceProcess } from './reference-process.ts';
import { median, spread } from './statistics.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, threads: { type: 'string', default: '2' } },
});
const rounds = Number(values.rounds);
const threads = Number(values.threads);
const model = fileURLToPath(new URL('../models/demo', import.meta.url));
const objects = [
  'panda',
  'rocket',
  'apple',
  'castle',
  'guitar',
  'tiger',
  'frog',
  'camera',
  'unicorn',
  'penguin',
  'teapot',
  'ghost',
];
const colours = [
  'green',
  'blue',
  'pink',
  'white',
  'purple',
  'orange',
  'teal',
  'beige',
  'gray',
  'red',
  'black',
  'yellow',
];

let drawn = 0;
function nextPrompts(count: number): string[] {
  return Array.from({ length: count }, () => {
    drawn += 1;
    return `a ${objects[drawn % 12]} on a ${colours[Math.floor(drawn / 12) % 12]} background`;
  });
}

const { runtime } = await openDevice({ device: 'cpu', weights: 'packed', threads });
const models = new ModelPool({ open: (path) => ZImagePipeline.open(path, runtime) });
const engine = new SlotEngine({ models, slots: 8, maxBatchTokens: 4096 });

async function draw(prompts: readonly string[], seed: number): Promise<number> {
  const start = performance.now();
  prompts.forEach((prompt, index) => {
    const settings = {
      prompt,
      negativePrompt: '',
      width: 256,
      height: 256,
      seed: seed + index,
      steps: 8,
      guidance: { scale: 0 },
    };
    engine.submit({ ...settings, id: String(index), model, format: 'png', quality: 90, previews: false }, (notice) => {
      if (notice.type === 'failed') throw notice.error;
    });
  });
  await engine.idle();
  return (performance.now() - start) / 1000;
}

const reference = new ReferenceProcess('demo_model.py', [model], threads);
const { ready } = await reference.answer<{ ready: string }>();
await draw(nextPrompts(4), 0);
await reference.ask({ prompts: nextPrompts(4), seed: 0 });

console.log(
  `${cpus()[0]?.model}, ${threads} threads, load ${loadavg()[0]?.toFixed(1)}, torch ${ready}, ${rounds} rounds`,
);
for (const batch of [1, 4]) {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const prompts = nextPrompts(batch);
    ours.push(await draw(prompts, round));
    theirs.push((await reference.ask<{ seconds: number }>({ prompts, seed: round })).seconds);
  }
  const ratios = theirs.map((seconds, at) => seconds / (ours[at] ?? Number.NaN));
  console.log(
    `${batch} picture(s): ours ${spread(ours)} s, diffusers ${spread(theirs)} s, ratio ${spread(ratios)} (${(batch / median(ours)).toFixed(2)} pictures/s)`,
  );
}
reference.close();
