import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openCheckpoint } from './checkpoint.ts';
import { fittingWeightMode } from './fitting-weight-mode.ts';

const demo = fileURLToPath(new URL('../../../../models/demo', import.meta.url));

it('a model that takes a quarter of the memory as f32 is packed, a larger one is mapped', async () => {
  const checkpoint = await openCheckpoint(demo);
  expect(fittingWeightMode(checkpoint, 24e9)).toBe('packed');
  expect(fittingWeightMode(checkpoint, 1e8)).toBe('mapped');
});
