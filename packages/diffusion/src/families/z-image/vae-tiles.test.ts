import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../checkpoint/checkpoint.ts';
import { createOnnxRuntime } from '../../onnxruntime/runtime.ts';
import { relativeError } from '../../parity/report.ts';
import { torchRandn } from '../../random.ts';
import type { VaeConfig } from './config.ts';
import { type Planes, Vae } from './vae.ts';
import { blendTiles, planTiles, type TilePlan } from './vae-tiles.ts';

const base: VaeConfig = {
  inChannels: 3,
  outChannels: 3,
  latentChannels: 4,
  blockOutChannels: [8, 8, 8, 8],
  layersPerBlock: 1,
  normGroups: 4,
  midBlockAttention: true,
  scalingFactor: 1,
  shiftFactor: 0,
  sampleSize: 256,
  useQuantConv: false,
  usePostQuantConv: false,
  factor: 8,
};

/** Also sizes of tiles that are no multiple of four latent pixels, and no multiple of one. */
const configs = fc
  .record({ factor: fc.constantFrom(1, 2, 8), sampleSize: fc.integer({ min: 8, max: 90 }) })
  .map((sizes) => ({ ...base, ...sizes }));
const latents = fc.record({ width: fc.integer({ min: 1, max: 30 }), height: fc.integer({ min: 1, max: 30 }) });

/** What a decoder would return for each tile when each pixel of the picture were `valueAt` there. */
function decodeAs(plan: TilePlan, factor: number, valueAt: (x: number, y: number) => number): Planes[] {
  return plan.tiles.map((tile) => {
    const [width, height] = [tile.width * factor, tile.height * factor];
    const values = Float32Array.from({ length: width * height }, (_, at) =>
      valueAt(tile.x * factor + (at % width), tile.y * factor + Math.floor(at / width)),
    );
    return { values, width, height };
  });
}

describe('the plan of tiles', () => {
  test('covers the picture, whatever its size and that of the tiles', () => {
    fc.assert(
      fc.property(configs, latents, (config, latent) => {
        const plan = planTiles(config, latent);
        expect(plan.size).toEqual({ width: latent.width * config.factor, height: latent.height * config.factor });
        expect(plan.tiles).toHaveLength(plan.rows * plan.columns);
        for (const tile of plan.tiles) {
          expect(tile.width).toBeGreaterThan(0);
          expect(tile.height).toBeGreaterThan(0);
          expect(tile.x + tile.width).toBeLessThanOrEqual(latent.width);
          expect(tile.y + tile.height).toBeLessThanOrEqual(latent.height);
        }
      }),
    );
  });

  test('is that of the reference for 1024-pixel tiles: 128 latent pixels every 96, 256 pixels blended', () => {
    const plan = planTiles({ ...base, sampleSize: 1024 }, { width: 200, height: 96 });
    expect(plan).toMatchObject({ blend: 256, keep: 768, rows: 1, columns: 3 });
    expect(plan.tiles.map(({ x, width }) => [x, width])).toEqual([
      [0, 128],
      [96, 104],
      [192, 8],
    ]);
  });

  test('is one tile for a picture that fits into one', () => {
    expect(planTiles(base, { width: 32, height: 32 }).tiles).toEqual([{ x: 0, y: 0, width: 32, height: 32 }]);
  });
});

describe('blended tiles', () => {
  test('put every pixel where it belongs, when the tiles agree', () => {
    fc.assert(
      fc.property(configs, latents, (config, latent) => {
        const plan = planTiles(config, latent);
        const valueAt = (x: number, y: number): number => x + 3 * y;
        const { values, width, height } = blendTiles(plan, decodeAs(plan, config.factor, valueAt), 1);
        expect([width, height]).toEqual([latent.width * config.factor, latent.height * config.factor]);
        let worst = 0;
        values.forEach((value, at) => {
          worst = Math.max(worst, Math.abs(value - valueAt(at % width, Math.floor(at / width))));
        });
        expect(worst).toBeLessThanOrEqual(width * 4 * 1e-5);
      }),
      { numRuns: 50 },
    );
  });

  test('of one constant are that constant', () => {
    const plan = planTiles(base, { width: 50, height: 70 });
    const { values } = blendTiles(
      plan,
      decodeAs(plan, 8, () => 0.25),
      1,
    );
    expect(values.every((value) => value === 0.25)).toBe(true);
  });

  test('of two constants fade from one to the other over the overlap and are whole outside it', () => {
    const plan = planTiles(base, { width: 40, height: 4 });
    expect(plan.columns).toBe(2);
    const tiles = decodeAs(plan, 8, () => 0);
    tiles[1]?.values.fill(1);
    const { values } = blendTiles(plan, tiles, 1);
    const row = values.subarray(0, 320);
    expect([...row.subarray(0, 192)].every((value) => value === 0)).toBe(true);
    row.subarray(192, 256).forEach((value, at) => {
      expect(value).toBeCloseTo(at / 64, 6);
    });
    expect([...row.subarray(256)].every((value) => value === 1)).toBe(true);
  });
});

describe('the decoder of the demo model', () => {
  const demo = fileURLToPath(new URL('../../../../../models/demo', import.meta.url));
  let vae: Vae;
  let config: VaeConfig;
  let open: (sampleSize: number) => Vae;
  beforeAll(async () => {
    const checkpoint = await openCheckpoint(demo);
    const runtime = createOnnxRuntime({
      name: 'cpu',
      executionProvider: 'cpu',
      weights: 'packed',
      threads: 2,
      forms: { attention: 'fused', linear: 'fused' },
    });
    config = checkpoint.vae.config;
    open = (sampleSize) => new Vae({ ...checkpoint.vae, runtime, config: { ...config, sampleSize } });
    vae = open(config.sampleSize);
  });
  afterAll(() => vae.release());

  const latentOf = (width: number, height: number): Planes => ({
    values: torchRandn(3, config.latentChannels * width * height),
    width,
    height,
  });

  test('gives with one tile what it gives without tiles', async () => {
    const latent = latentOf(6, 4);
    const whole = await vae.decode(latent, { tiling: 'never' });
    const tiled = await vae.decode(latent, { tiling: 'always' });
    expect(tiled).toEqual(whole);
  });

  test('gives with four tiles nearly the picture that it gives without tiles', async () => {
    const small = open(16 * config.factor);
    const latent = latentOf(20, 18);
    const whole = await vae.decode(latent, { tiling: 'never' });
    const tiled = await small.decode(latent, { tiling: 'always' });
    await small.release();
    expect([tiled.width, tiled.height]).toEqual([whole.width, whole.height]);
    // The norms see the statistics of a tile, not of the picture: 0.09 here, on noise.
    expect(relativeError(tiled.values, whole.values)).toBeLessThan(0.15);
  });

  test('stops between tiles when it is cancelled', async () => {
    const small = open(4 * config.factor);
    await expect(small.decode(latentOf(8, 8), { tiling: 'always', signal: AbortSignal.abort() })).rejects.toMatchObject(
      {
        code: 'cancelled',
      },
    );
    await small.release();
  });
});
