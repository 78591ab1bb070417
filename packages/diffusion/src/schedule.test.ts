import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readFloat32, readSafetensorsHeader } from './checkpoint/safetensors.ts';
import { readScheduleConfig, type ScheduleConfig } from './families/z-image/config.ts';
import { createSchedule } from './schedule.ts';

const parity = fileURLToPath(new URL('../../../tests/fixtures/parity/', import.meta.url));

const base: ScheduleConfig = {
  trainTimesteps: 1000,
  shift: 3,
  useDynamicShifting: false,
  baseShift: 0.5,
  maxShift: 1.15,
  baseImageSeqLen: 256,
  maxImageSeqLen: 4096,
  timeShiftType: 'exponential',
  shiftTerminal: undefined,
};

test.each(['float32', 'bfloat16-sharded', 'staged'])(
  'sigmas and timesteps equal those of every run in %s',
  async (set) => {
    const config = await readScheduleConfig(join(parity, set, 'checkpoint/scheduler/scheduler_config.json'));
    const { tensors } = await readSafetensorsHeader(join(parity, set, 'expected.safetensors'));
    const runs = [...tensors.keys()].filter((name) => name.endsWith('.sigmas'));
    expect(runs.length).toBeGreaterThanOrEqual(3);
    for (const name of runs) {
      const sigmas = await readFloat32(tensors.get(name)!);
      const timesteps = await readFloat32(tensors.get(name.replace('.sigmas', '.timesteps'))!);
      const schedule = createSchedule(config, sigmas.length - 1, { imageTokens: 24 });
      expect(schedule.sigmas).toEqual(sigmas);
      expect(schedule.timesteps).toEqual(timesteps);
    }
  },
);

describe('diffusers 0.42 computes the same', () => {
  const dynamic = { ...base, useDynamicShifting: true };
  test.each<[string, ScheduleConfig, number, number, number[]]>([
    ['4 steps, exponential, 4096 tokens', dynamic, 4, 4096, [1, 0.904530764, 0.759510934, 0.512844145, 0]],
    ['5 steps, exponential, 1024 tokens', dynamic, 5, 1024, [1, 0.882497251, 0.737974048, 0.555899024, 0.319451332, 0]],
    ['linear', { ...dynamic, timeShiftType: 'linear' }, 4, 1024, [1, 0.653979182, 0.386503071, 0.173553705, 0]],
    ['with a terminal', { ...base, shiftTerminal: 0.02 }, 4, 1, [1, 0.80399996, 0.50999999, 0.0199999809, 0]],
  ])('%s', (_, config, steps, imageTokens, sigmas) => {
    expect(createSchedule(config, steps, { imageTokens }).sigmas).toEqual(Float32Array.from(sigmas));
  });
});

test('the transformer is fed 1 − sigma, rounded as the pipeline rounds it', () => {
  const { times } = createSchedule(base, 8, { imageTokens: 1024 });
  expect([...times.slice(0, 3)]).toEqual([0, 0.045454591512680054, 0.10000000149011612]);
});

test('a schedule falls from 1 to 0 whatever its settings', () => {
  const config = fc.record({
    ...Object.fromEntries(Object.entries(base).map(([key, value]) => [key, fc.constant(value)])),
    shift: fc.double({ min: 0.5, max: 12, noNaN: true }),
    useDynamicShifting: fc.boolean(),
    timeShiftType: fc.constantFrom('exponential' as const, 'linear' as const),
    shiftTerminal: fc.constantFrom(undefined, 0.01, 0.2),
  }) as fc.Arbitrary<ScheduleConfig>;
  fc.assert(
    fc.property(
      config,
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 16_384 }),
      (drawn, steps, tokens) => {
        const { sigmas, timesteps, times } = createSchedule(drawn, steps, { imageTokens: tokens });
        expect(sigmas).toHaveLength(steps + 1);
        expect(timesteps).toHaveLength(steps);
        expect(sigmas[0]).toBeCloseTo(1, 6); // upstream rounds odd shifts to a little more
        expect(sigmas[steps]).toBe(0);
        for (let i = 0; i < steps; i++) {
          expect(sigmas[i + 1]!).toBeLessThan(sigmas[i]!);
          expect(times[i]!).toBeCloseTo(1 - sigmas[i]!, 6);
        }
      },
    ),
    { seed: 7, numRuns: 200 },
  );
});

test('a number of steps that is none is refused by its name', () => {
  for (const steps of [0, -1, 1.5, 1001, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => createSchedule(base, steps, { imageTokens: 1 })).toThrow(
      expect.objectContaining({ code: 'option_invalid', details: { option: 'steps', value: steps } }),
    );
  }
});
