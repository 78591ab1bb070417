import { fileURLToPath } from 'node:url';
import { runParity } from '@imagemill/diffusion';
import { createOnnxRuntime } from '@imagemill/diffusion/onnxruntime';
import { describe, expect, it } from 'vitest';

/**
 * Checkpoints of the family that are built unlike the released one, with what diffusers 0.42 computes from them. Their
 * `cases.json` holds the configuration.
 */
const fixtures = fileURLToPath(new URL('../fixtures/parity/', import.meta.url));

describe.each([
  ['variant-guided', 'fp16, two VAE levels, odd channels; guidance with normalisation and truncation', 30],
  ['variant-deep', 'bf16 shards, five VAE levels, one group, one head, quant convolutions, dynamic shift', 25],
  ['variant-bare', 'fp32, one VAE level, no refiner, other rotary base and time scale, stretched schedule', 25],
] as const)('%s: %s', (name, _, rows) => {
  it.each([
    { weights: 'packed', attention: 'fused', linear: 'fused' },
    { weights: 'mapped', attention: 'primitive', linear: 'transposed' },
  ] as const)('is computed within tolerance, $weights and $attention', async ({ weights, ...forms }) => {
    const runtime = createOnnxRuntime({ name: 'cpu', executionProvider: 'cpu', weights, threads: 2, forms });
    const report = await runParity(`${fixtures}${name}`, { runtime });
    expect(report.notes).toEqual([]);
    expect(report.rows.filter((row) => !row.ok)).toEqual([]);
    expect(report.rows).toHaveLength(rows);
  });
});
