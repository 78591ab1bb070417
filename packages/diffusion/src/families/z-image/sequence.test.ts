import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LatentGrid } from '../../denoise.ts';
import { torchRandn } from '../../random.ts';
import type { TextEncoderConfig, TransformerConfig } from './config.ts';
import {
  captionTable,
  imageTable,
  padToMultiple,
  patchify,
  type RotaryTable,
  textTable,
  timeSinusoid,
  unpatchify,
} from './sequence.ts';

const transformer: TransformerConfig = {
  inChannels: 3,
  dim: 64,
  layers: 1,
  refinerLayers: 1,
  heads: 2,
  headDim: 32,
  normEps: 1e-5,
  qkNorm: true,
  capFeatDim: 16,
  ropeTheta: 256,
  tScale: 1000,
  axesDims: [8, 10, 14],
  axesLens: [512, 64, 64],
  patchSize: 2,
};

const textEncoder: TextEncoderConfig = {
  hiddenSize: 16,
  intermediateSize: 16,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headDim: 16,
  rmsNormEps: 1e-6,
  ropeTheta: 1_000_000,
  vocabSize: 100,
  maxPositions: 512,
  tieWordEmbeddings: true,
};

const side = fc.integer({ min: 1, max: 12 });
const grids = fc.record({ rows: side, columns: side });

/** Angle m of a token by the formula of the model, without tables. */
function angleOf(position: readonly [number, number, number], m: number): number {
  let first = 0;
  for (const [axis, size] of transformer.axesDims.entries()) {
    if (m < first + size / 2) return position[axis]! * transformer.ropeTheta ** ((-2 * (m - first)) / size);
    first += size / 2;
  }
  throw new RangeError(`There is no angle ${m}`);
}

function expectToken(table: RotaryTable, token: number, position: readonly [number, number, number]): void {
  const half = transformer.headDim / 2;
  for (let m = 0; m < half; m += 1) {
    expect(table.cos[token * half + m]).toBe(Math.fround(Math.cos(angleOf(position, m))));
    expect(table.sin[token * half + m]).toBe(Math.fround(Math.sin(angleOf(position, m))));
  }
}

describe('padding', () => {
  test('takes a sequence to the next multiple of 32 and leaves a multiple alone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), (tokens) => {
        const padded = padToMultiple(tokens);
        expect(padded % 32).toBe(0);
        expect(padded - tokens).toBeGreaterThanOrEqual(0);
        expect(padded - tokens).toBeLessThan(32);
      }),
    );
  });
});

describe('the rotary table', () => {
  test('of a caption counts its tokens from 1 along the first axis, padding included', () => {
    const table = captionTable(transformer, 64);
    expect(table.tokens).toBe(64);
    for (const token of [0, 1, 31, 63]) expectToken(table, token, [1 + token, 0, 0]);
  });

  test('of an image stands one behind the caption and counts rows and columns; its padding stands at the origin', () => {
    fc.assert(
      fc.property(grids, fc.constantFrom(32, 64, 160), (grid, captionTokens) => {
        const table = imageTable(transformer, grid, captionTokens);
        const count = grid.rows * grid.columns;
        expect(table.tokens).toBe(padToMultiple(count));
        for (const token of [0, count >> 1, count - 1])
          expectToken(table, token, [captionTokens + 1, Math.floor(token / grid.columns), token % grid.columns]);
        if (table.tokens > count) expectToken(table, table.tokens - 1, [0, 0, 0]);
      }),
      { numRuns: 30 },
    );
  });

  test('of the text encoder turns position p by p · theta^(−2m/headDim)', () => {
    const table = textTable(textEncoder, 5);
    for (let token = 0; token < 5; token += 1) {
      for (let m = 0; m < 8; m += 1) {
        const angle = token * 1_000_000 ** ((-2 * m) / 16);
        expect(table.cos[token * 8 + m]).toBeCloseTo(Math.cos(angle), 6);
        expect(table.sin[token * 8 + m]).toBeCloseTo(Math.sin(angle), 6);
      }
    }
  });

  test('of a text encoder that was cast as a whole has its frequencies rounded to that type', () => {
    const at = 3; // 1e6^(−6/16) = 0.005623413…
    const angles = (['f32', 'bf16', 'f16'] as const).map((type) => {
      const { sin } = textTable(textEncoder, 2, type);
      return Math.asin(sin[8 + at]!);
    });
    expect(angles[0]).toBeCloseTo(0.005623413, 8);
    expect(angles[1]).toBeCloseTo(184 * 2 ** -15, 8); // eight bits of mantissa
    expect(angles[2]).toBeCloseTo(1474 * 2 ** -18, 8); // eleven bits
  });
});

describe('the sinusoid of the time', () => {
  test('is cos, then sin, of time · tScale · 10000^(−k/128)', () => {
    for (const time of [0, 0.045455, 0.5, 1]) {
      const sinusoid = timeSinusoid(transformer, time);
      expect(sinusoid).toHaveLength(256);
      for (let k = 0; k < 128; k += 1) {
        const angle = time * 1000 * 10_000 ** (-k / 128);
        // The reference's float32 argument of up to 1000 leaves 6e-5.
        expect(sinusoid[k]).toBeCloseTo(Math.cos(angle), 3);
        expect(sinusoid[128 + k]).toBeCloseTo(Math.sin(angle), 3);
      }
    }
  });

  test('of pure noise is ones and zeros', () => {
    const sinusoid = timeSinusoid(transformer, 0);
    expect([...sinusoid]).toEqual([...Array.from({ length: 128 }, () => 1), ...Array.from({ length: 128 }, () => 0)]);
  });
});

describe('patches', () => {
  const sizes = fc.record({
    grid: grids,
    patchSize: fc.constantFrom(1, 2, 3),
    inChannels: fc.integer({ min: 1, max: 5 }),
  });

  test('put back together give the latent that was cut, whatever the size', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 999 }), ({ grid, patchSize, inChannels }, seed) => {
        const config = { ...transformer, patchSize, inChannels };
        const latent = torchRandn(seed, grid.rows * grid.columns * patchSize ** 2 * inChannels);
        const tokens = new Float32Array(latent.length);
        patchify(config, latent, grid, tokens);
        expect(unpatchify(config, tokens, grid)).toEqual(latent);
      }),
    );
  });

  test('hold their values row by row of the patch, the channel fastest', () => {
    const grid: LatentGrid = { rows: 2, columns: 3 };
    const [height, width] = [4, 6];
    const latent = Float32Array.from({ length: 3 * height * width }, (_, at) => at);
    const tokens = new Float32Array(latent.length);
    patchify(transformer, latent, grid, tokens);
    for (let row = 0; row < 2; row += 1)
      for (let column = 0; column < 3; column += 1)
        for (let y = 0; y < 2; y += 1)
          for (let x = 0; x < 2; x += 1)
            for (let channel = 0; channel < 3; channel += 1) {
              const feature = (y * 2 + x) * 3 + channel;
              const expected = channel * height * width + (2 * row + y) * width + 2 * column + x;
              expect(tokens[(row * 3 + column) * 12 + feature]).toBe(expected);
            }
  });

  test('leave the rows of the padding as they are', () => {
    const tokens = new Float32Array(32 * 12).fill(7);
    patchify(transformer, new Float32Array(12), { rows: 1, columns: 1 }, tokens);
    expect([...tokens.subarray(0, 12)].every((value) => value === 0)).toBe(true);
    expect([...tokens.subarray(12)].every((value) => value === 7)).toBe(true);
  });
});
