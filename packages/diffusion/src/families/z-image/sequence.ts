import { decodeFloats, encodeFloats } from '../../checkpoint/stored-type.ts';
import type { LatentGrid } from '../../denoise.ts';
import type { TextEncoderConfig, TransformerConfig } from './config.ts';
import { sinusoidWidth } from './transformer-graph.ts';

/**
 * Host-side arithmetic around the transformer: patches, positions, rotary tables, time.
 * Angles are computed in float64 and stored in float32, as in the reference.
 */

/** Sequences are padded to a multiple of this; the padding takes part in attention. A constant of the reference. */
const sequenceMultiple = 32;

export function padToMultiple(tokens: number): number {
  return Math.ceil(tokens / sequenceMultiple) * sequenceMultiple;
}

/** Cosines and sines for rotary embedding, each `[tokens, headDim/2]`. */
export interface RotaryTable {
  readonly tokens: number;
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** Positions of caption tokens, padding included: (1 + k, 0, 0). */
export function captionTable(config: TransformerConfig, tokens: number): RotaryTable {
  return rotaryTable(config, tokens, (token) => [1 + token, 0, 0]);
}

/** Positions of image tokens: (captionTokens + 1, row, column); the padding stands at (0, 0, 0). */
export function imageTable(config: TransformerConfig, grid: LatentGrid, captionTokens: number): RotaryTable {
  const count = grid.rows * grid.columns;
  return rotaryTable(config, padToMultiple(count), (token) =>
    token < count ? [captionTokens + 1, Math.floor(token / grid.columns), token % grid.columns] : [0, 0, 0],
  );
}

/** angle_m = position_a · theta^(−2m/d_a) for each axis a, the axes side by side. */
function rotaryTable(
  config: TransformerConfig,
  tokens: number,
  positionOf: (token: number) => readonly number[],
): RotaryTable {
  const { axesDims, ropeTheta, headDim } = config;
  const half = headDim / 2;
  const frequencies = axesDims.map((size) =>
    Array.from({ length: size / 2 }, (_, m) => ropeTheta ** ((-2 * m) / size)),
  );
  const cos = new Float32Array(tokens * half);
  const sin = new Float32Array(tokens * half);
  for (let token = 0; token < tokens; token += 1) {
    const position = positionOf(token);
    let at = token * half;
    frequencies.forEach((axis, index) => {
      for (const frequency of axis) {
        const angle = (position[index] ?? 0) * frequency;
        cos[at] = Math.cos(angle);
        sin[at] = Math.sin(angle);
        at += 1;
      }
    });
  }
  return { tokens, cos, sin };
}

/** Type that the text encoder's rotary frequencies are rounded to; see docs/numerics.md. */
export type RotaryType = 'f32' | 'bf16' | 'f16';

/** Rotary table of the text encoder: angle = position · theta^(−2m/headDim). */
export function textTable(config: TextEncoderConfig, tokens: number, type: RotaryType = 'f32'): RotaryTable {
  const half = config.headDim / 2;
  const frequencies = Float32Array.from({ length: half }, (_, m) => config.ropeTheta ** ((-2 * m) / config.headDim));
  const rounded = type === 'f32' ? frequencies : decodeFloats(encodeFloats(frequencies, type), type);
  const cos = new Float32Array(tokens * half);
  const sin = new Float32Array(tokens * half);
  for (let token = 0; token < tokens; token += 1) {
    for (let m = 0; m < half; m += 1) {
      const angle = Math.fround(token * rounded[m]!);
      cos[token * half + m] = Math.cos(angle);
      sin[token * half + m] = Math.sin(angle);
    }
  }
  return { tokens, cos, sin };
}

/**
 * Sinusoid in front of the time embedder: cos, then sin, of t·tScale·10000^(−k/128).
 * @param time 0 (pure noise) to 1
 * @returns `[256]`
 */
export function timeSinusoid(config: TransformerConfig, time: number): Float32Array {
  const half = sinusoidWidth / 2;
  const result = new Float32Array(sinusoidWidth);
  for (let k = 0; k < half; k += 1) {
    // float32 factors as in the reference, where the argument goes up to 1000
    const argument = Math.fround(
      Math.fround(time * config.tScale) * Math.fround(Math.exp(Math.fround(Math.fround(-Math.log(10000) * k) / half))),
    );
    result[k] = Math.cos(argument);
    result[half + k] = Math.sin(argument);
  }
  return result;
}

/**
 * Cuts a latent into patches, channel fastest: token (i, j), feature (ph, pw, c).
 * @param latent `[channels, height, width]`
 * @param into `[padded tokens, patch²·channels]`, rows behind the image stay as they are
 */
export function patchify(config: TransformerConfig, latent: Float32Array, grid: LatentGrid, into: Float32Array): void {
  walkPatches(config, grid, (inLatent, inTokens) => {
    into[inTokens] = latent[inLatent]!;
  });
}

/** Inverse of {@link patchify}. @returns `[channels, height, width]` */
export function unpatchify(config: TransformerConfig, tokens: Float32Array, grid: LatentGrid): Float32Array {
  const latent = new Float32Array(grid.rows * grid.columns * config.patchSize ** 2 * config.inChannels);
  walkPatches(config, grid, (inLatent, inTokens) => {
    latent[inLatent] = tokens[inTokens]!;
  });
  return latent;
}

function walkPatches(
  config: TransformerConfig,
  grid: LatentGrid,
  visit: (inLatent: number, inTokens: number) => void,
): void {
  const { patchSize, inChannels } = config;
  const width = grid.columns * patchSize;
  const plane = grid.rows * patchSize * width;
  let inTokens = 0;
  for (let row = 0; row < grid.rows; row += 1) {
    for (let column = 0; column < grid.columns; column += 1) {
      for (let y = 0; y < patchSize; y += 1) {
        for (let x = 0; x < patchSize; x += 1) {
          const start = (row * patchSize + y) * width + column * patchSize + x;
          for (let channel = 0; channel < inChannels; channel += 1) {
            visit(start + channel * plane, inTokens);
            inTokens += 1;
          }
        }
      }
    }
  }
}
