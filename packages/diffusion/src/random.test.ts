import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTorchGenerator, torchRandn } from './random.ts';

// Made with torch 2.13.0 on a CPU: [torch.randn(n, generator=torch.Generator().manual_seed(seed)) for n in counts]
const vectors: { seed: number; draws: number[][] }[] = [
  { seed: 0, draws: [[1.54099607, -0.293428898, -2.17878938]] },
  {
    seed: 42,
    draws: [
      [
        1.92691529, 1.48728406, 0.900717199, -2.10552096, 0.678418458, -1.23454487, -0.0430674776, -1.60466695,
        -0.752135277, 1.64872301, -0.392478645, -1.40360713, -0.727881312, -0.559430182, -0.768838882, 0.76244539,
      ],
    ],
  },
  {
    // 17: all but the first value are drawn anew
    seed: 42,
    draws: [
      [
        1.92691529, -0.159597471, -0.497397542, 0.439589262, -0.758131146, 1.07831764, 0.800800562, 1.68062055,
        0.355859905, 1.29642284, 0.61046648, 1.33473778, -0.23162432, 0.041759491, -0.251575291, 0.859858513,
        -0.309726775,
      ],
    ],
  },
  {
    // A block between small draws leaves the kept value of the pair alone
    seed: 1234,
    draws: [
      [0.0461304635],
      [
        0.0539001934, 0.668373704, -0.0596576072, -0.467497945, -0.314352393, -0.496313184, 0.123528317, -0.150973514,
        -0.342393607, -1.40197182, 0.320647985, -1.0218575, 1.46345794, -0.747661114, 1.74556375, -1.27794385,
      ],
      [0.402402818, 0.102137297],
      [-0.259009689],
    ],
  },
  { seed: 2 ** 32 + 42, draws: [[0.336690366, 0.128809407]] },
  {
    seed: Number.MAX_SAFE_INTEGER,
    draws: [
      [
        -2.66429758, -1.0910486, -1.64603913, -0.538258553, 0.30621922, 0.424003005, 0.265636146, -3.14929533,
        -2.84376431, 0.946320117, -0.340290517, -0.32600823, -0.0296445042, 0.383217037, -0.160953194, 1.96789145,
        1.62438321, -1.11376548,
      ],
    ],
  },
];

test.each(vectors)('seed $seed draws what torch draws', ({ seed, draws }) => {
  const generator = createTorchGenerator(seed);
  for (const expected of draws) {
    const drawn = generator.randn(expected.length);
    for (const [i, value] of expected.entries()) expect(Math.abs(drawn[i]! - value)).toBeLessThanOrEqual(5e-7);
  }
});

test('small draws are equal to the last bit', () => {
  expect(torchRandn(0, 3)).toEqual(Float32Array.of(1.54099607, -0.293428898, -2.17878938));
});

test('far into a long draw the values are still those of torch', () => {
  const noise = torchRandn(42, 65_541);
  [-0.3335779905319214, -0.7674950361251831].forEach((value, i) => {
    expect(Math.abs(noise[65_524 + i]! - value)).toBeLessThanOrEqual(5e-7);
  });
  expect(Math.abs(noise[65_540]! + 0.7387951016426086)).toBeLessThanOrEqual(5e-7);
  const whole = torchRandn(42, 65_536);
  expect(whole.reduce((sum, value) => sum + value, 0)).toBeCloseTo(-3.0992287, 3);
  expect(whole.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(66_323.867878, 2);
});

test('only the low 32 bits of a seed count, and equal seeds draw equal noise', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0, max: 2 ** 20 }),
      fc.nat(40),
      (low, high, count) => {
        expect(torchRandn(low + high * 2 ** 32, count)).toEqual(torchRandn(low, count));
      },
    ),
    { seed: 10, numRuns: 30 },
  );
});

test('different seeds draw different noise', () => {
  expect(torchRandn(1, 64)).not.toEqual(torchRandn(2, 64));
});

test('a seed that is none is refused by its name', () => {
  for (const seed of [-1, 0.5, Number.NaN, 2 ** 53]) {
    expect(() => createTorchGenerator(seed)).toThrow(
      expect.objectContaining({ code: 'option_invalid', details: { option: 'seed', value: seed } }),
    );
  }
});
