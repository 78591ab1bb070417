import { DiffusionError } from './errors.ts';

/** A stream of numbers equal to those of a torch generator on the CPU, whatever device draws the picture. */
export interface TorchGenerator {
  /** The next `count` standard normal values, as `torch.randn(count, generator=…)` would return them. */
  randn(count: number): Float32Array;
}

/**
 * Starts a generator as `torch.Generator().manual_seed(seed)`. Draws of 16 values and more take torch's block path,
 * smaller ones its scalar path, which keeps the second value of a pair for the next small draw. Equal to torch 2.13
 * within 5e-7: torch uses approximations of log, sine and cosine in float32 where this uses double.
 *
 * @param seed whole number from 0 to 2^53 − 1; torch's engine uses its low 32 bits
 * @throws DiffusionError `option_invalid`
 */
export function createTorchGenerator(seed: number): TorchGenerator {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    const message = `seed is ${seed}; a whole number from 0 to ${Number.MAX_SAFE_INTEGER} is expected.`;
    throw new DiffusionError('option_invalid', message, { details: { option: 'seed', value: seed } });
  }
  const nextUint32 = createMersenneTwister(seed % 2 ** 32);
  const nextScalar = createScalarNormal(nextUint32);
  return {
    randn(count) {
      const out = new Float32Array(count);
      if (count >= blockSize) fillBlocks(out, nextUint32);
      else for (let i = 0; i < count; i++) out[i] = nextScalar();
      return out;
    },
  };
}

/** `torch.randn(count)` right after `manual_seed(seed)`. @throws DiffusionError `option_invalid` */
export function torchRandn(seed: number, count: number): Float32Array {
  return createTorchGenerator(seed).randn(count);
}

const blockSize = 16;
const { fround } = Math;

/** All uniforms first, then Box-Muller within blocks of 16; a last partial block is the final 16 values drawn anew. */
function fillBlocks(out: Float32Array, nextUint32: () => number): void {
  fillUniform(out, nextUint32);
  const whole = out.length - (out.length % blockSize);
  for (let start = 0; start < whole; start += blockSize) boxMullerBlock(out, start);
  if (whole === out.length) return;
  const tail = out.subarray(out.length - blockSize);
  fillUniform(tail, nextUint32);
  boxMullerBlock(tail, 0);
}

/** 24 random bits as a float32 in [0, 1). */
function fillUniform(out: Float32Array, nextUint32: () => number): void {
  for (let i = 0; i < out.length; i++) out[i] = (nextUint32() & 0xffffff) * 2 ** -24;
}

/** Values 0…7 of the block are radii, 8…15 angles; the angle is rounded to float32 before its sine, as in torch. */
function boxMullerBlock(out: Float32Array, start: number): void {
  for (let i = start; i < start + 8; i++) {
    const radius = fround(Math.sqrt(-2 * Math.log(1 - out[i]!)));
    const angle = fround(fround(2 * Math.PI) * out[i + 8]!);
    out[i] = radius * fround(Math.cos(angle));
    out[i + 8] = radius * fround(Math.sin(angle));
  }
}

/** Box-Muller in double on 53-bit uniforms, one value at a time. */
function createScalarNormal(nextUint32: () => number): () => number {
  let spare: number | undefined;
  const uniform = (): number => {
    const high = nextUint32() & 0x1fffff;
    return (high * 2 ** 32 + nextUint32()) * 2 ** -53;
  };
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    const angle = 2 * Math.PI * uniform();
    const radius = Math.sqrt(-2 * Math.log1p(-uniform()));
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/** MT19937 (Matsumoto and Nishimura 1998), seeded by its `init_genrand`. */
function createMersenneTwister(seed: number): () => number {
  const size = 624;
  const state = new Uint32Array(size);
  state[0] = seed;
  for (let i = 1; i < size; i++) {
    const last = state[i - 1]!;
    state[i] = Math.imul(1_812_433_253, last ^ (last >>> 30)) + i;
  }
  let position = size;
  return () => {
    if (position === size) {
      twist(state);
      position = 0;
    }
    let word = state[position++]!;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  };
}

function twist(state: Uint32Array): void {
  const size = state.length;
  for (let i = 0; i < size; i++) {
    const joined = (state[i]! & 0x80000000) | (state[(i + 1) % size]! & 0x7fffffff);
    state[i] = state[(i + 397) % size]! ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
  }
}
