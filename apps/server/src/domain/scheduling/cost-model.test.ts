import { describe, expect, it } from 'vitest';
import { type CostRecord, type CostShape, learn, predictCostMs } from './cost-model.ts';

const shape: CostShape = { device: 'cpu', model: 'demo', width: 256, height: 256, steps: 8 };

function learnMany(values: readonly number[], fixedMs = 20): CostRecord {
  let record: CostRecord | undefined;
  for (const denoiseMs of values) record = learn(record, shape, { denoiseMs, fixedMs });
  if (record === undefined) throw new Error('nothing learnt');
  return record;
}

describe('the cost of a picture', () => {
  it('is what pictures of the shape took', () => {
    expect(predictCostMs([learnMany([800, 800, 800])], shape)).toBeCloseTo(820);
  });

  it('grows with the steps but not the fixed part', () => {
    expect(predictCostMs([learnMany([800])], { ...shape, steps: 16 })).toBeCloseTo(1620);
  });

  it('averages the first pictures and then follows the newest', () => {
    expect(learnMany([400, 800]).msPerStep * 8).toBeCloseTo(600);
    const settled = learnMany([...Array.from({ length: 50 }, () => 400), ...Array.from({ length: 50 }, () => 800)]);
    expect(settled.msPerStep * 8).toBeGreaterThan(790);
  });

  it('of an unseen size comes from the nearest: more than linear upwards, linear downwards', () => {
    const records = [learnMany([800], 0)];
    expect(predictCostMs(records, { ...shape, width: 512, height: 512 })).toBeGreaterThan(3200);
    expect(predictCostMs(records, { ...shape, width: 128, height: 256 })).toBeCloseTo(400);
  });

  it('does not come from another device or model', () => {
    const records = [learnMany([800])];
    expect(predictCostMs(records, { ...shape, device: 'cuda:0' })).toBe(predictCostMs([], shape));
    expect(predictCostMs(records, { ...shape, model: 'other' })).toBe(predictCostMs([], shape));
  });
});
