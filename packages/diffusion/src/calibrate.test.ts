import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type BatchLimit, bestRows, measureBatchLimit, rowsFor } from './calibrate.ts';
import { ZImagePipeline } from './families/z-image/pipeline.ts';
import { cpuRuntime } from './testing/observed-runtime.ts';

const fixture = fileURLToPath(new URL('../../../tests/fixtures/parity/float32/checkpoint', import.meta.url));

describe('the best number of rows', () => {
  test('is the largest batch where each doubling pays', () => {
    const timings = [1, 2, 4, 8].map((rows) => ({ rows, msPerStep: 10 + rows }));
    expect(bestRows(timings)).toBe(8);
  });

  test('is one where a batch takes as long as its pictures alone', () => {
    expect(bestRows([1, 2, 4, 8].map((rows) => ({ rows, msPerStep: 12 * rows })))).toBe(1);
  });

  test('is the smaller batch when the larger one gains less than 3 %', () => {
    const timings = [
      { rows: 1, msPerStep: 12 },
      { rows: 2, msPerStep: 20 },
      { rows: 4, msPerStep: 39.5 },
      { rows: 8, msPerStep: 90 },
    ];
    expect(bestRows(timings)).toBe(2);
  });
});

describe('the rows for a size', () => {
  const limit = (side: number, maxRows: number): BatchLimit => {
    return { width: side, height: side, tokens: (side / 16) ** 2, maxRows, timings: [] };
  };
  const limits = [limit(256, 8), limit(512, 4), limit(1024, 1)];
  const gridOf = (side: number): { rows: number; columns: number } => ({ rows: side / 16, columns: side / 16 });

  test('are those that were measured for it', () => {
    for (const { width, maxRows } of limits) expect(rowsFor(limits, gridOf(width))).toBe(maxRows);
  });

  test('hold as many tokens as those of the nearest size that was measured', () => {
    expect(rowsFor(limits, gridOf(128))).toBe(32);
    expect(rowsFor(limits, gridOf(480))).toBe(4);
    expect(rowsFor(limits, gridOf(2048))).toBe(1);
  });

  test('are unknown before anything was measured', () => {
    expect(rowsFor([], gridOf(512))).toBeUndefined();
  });
});

describe('measuring a device', () => {
  const size = { width: 64, height: 64, maxRows: 4, maxStepMs: 10_000 };

  test('times doubled batches of one size', async () => {
    const pipeline = await ZImagePipeline.open(fixture, cpuRuntime());
    const limit = await measureBatchLimit(pipeline, { ...size, isWanted: () => true });
    await pipeline.release();
    expect(limit?.timings.map(({ rows }) => rows)).toEqual([1, 2, 4]);
    expect(limit?.timings.every(({ msPerStep }) => msPerStep > 0 && msPerStep < 10_000)).toBe(true);
    expect([1, 2, 4]).toContain(limit?.maxRows);
  });

  test('ends before the next step when it is not wanted any more', async () => {
    const pipeline = await ZImagePipeline.open(fixture, cpuRuntime());
    let asked = 0;
    const isWanted = (): boolean => {
      asked += 1;
      return asked < 3;
    };
    expect(await measureBatchLimit(pipeline, { ...size, isWanted })).toBeUndefined();
    await pipeline.release();
    expect(asked).toBe(3);
  });

  test('tries nothing that would take too long', async () => {
    const pipeline = await ZImagePipeline.open(fixture, cpuRuntime());
    const slow = { ...size, maxStepMs: 5, expectedMs: 6, isWanted: () => true };
    expect(await measureBatchLimit(pipeline, slow)).toBeUndefined();
    await pipeline.release();
  });
});
