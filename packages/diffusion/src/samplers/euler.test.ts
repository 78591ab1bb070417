import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readFloat32, readSafetensorsHeader } from '../checkpoint/safetensors.ts';
import { eulerStep } from './euler.ts';

const staged = fileURLToPath(new URL('../../../../tests/fixtures/parity/staged/', import.meta.url));

test('a step gives the very latents of the reference', async () => {
  const { tensors } = await readSafetensorsHeader(join(staged, 'expected.safetensors'));
  const read = (name: string) => readFloat32(tensors.get(name)!);
  for (const [run, step, before] of [
    ['square32', 0, 'latents_init'],
    ['longcap', 3, 'latents.2'],
    ['cfg', 3, 'latents.2'],
  ] as const) {
    const latents = await read(`${run}.${before}`);
    const sigmas = await read(`${run}.sigmas`);
    const output = await read(`${run}.model_out.${step}`);
    eulerStep(
      latents,
      output.map((value) => -value),
      sigmas[step]!,
      sigmas[step + 1]!,
    );
    expect(latents).toEqual(await read(`${run}.latents.${step}`));
  }
});

test('on a flow that bends, the error halves when the steps double', () => {
  // dx/dσ = x, so x(0) = x(1)/e
  const errorAfter = (steps: number): number => {
    const latents = Float32Array.of(1);
    for (let i = 0; i < steps; i++) eulerStep(latents, latents.slice(), 1 - i / steps, 1 - (i + 1) / steps);
    return Math.abs(latents[0]! - Math.exp(-1));
  };
  expect(errorAfter(32) / errorAfter(64)).toBeCloseTo(2, 1);
  expect(errorAfter(64) / errorAfter(128)).toBeCloseTo(2, 1);
});
