import { DiffusionError } from './errors.ts';
import type { ScheduleConfig } from './families/z-image/config.ts';

/** Noise levels of one run, from pure noise to none. */
export interface Schedule {
  readonly steps: number;
  /** [steps + 1], falling; the last is 0. */
  readonly sigmas: Float32Array;
  /** [steps]: sigma · trainTimesteps, in the units of the scheduler. */
  readonly timesteps: Float32Array;
  /** [steps]: what the transformer is fed, (1000 − timestep) / 1000, 0 at pure noise. */
  readonly times: Float32Array;
}

export interface ScheduleOptions {
  /** Tokens of the picture, (height / factor / patch) · (width / factor / patch); bends a dynamic schedule. */
  readonly imageTokens: number;
}

/**
 * Computes the schedule as FlowMatchEulerDiscreteScheduler does when ZImagePipeline calls it, rounding to float32 at
 * the same places, so that the numbers are equal and not merely close.
 *
 * @throws DiffusionError `option_invalid` when `steps` is not a whole number from 1 to 1000
 */
export function createSchedule(config: ScheduleConfig, steps: number, options: ScheduleOptions): Schedule {
  if (!Number.isInteger(steps) || steps < 1 || steps > maxSteps) {
    const message = `steps is ${steps}; a whole number from 1 to ${maxSteps} is expected.`;
    throw new DiffusionError('option_invalid', message, { details: { option: 'steps', value: steps } });
  }
  const levels = linearLevels(steps);
  const bend = config.useDynamicShifting ? dynamicShift(config, options.imageTokens) : staticShift(config.shift);
  for (let i = 0; i < steps; i++) levels[i] = bend(levels[i]!);
  if (config.shiftTerminal !== undefined) stretchToTerminal(levels, config.shiftTerminal);
  const sigmas = new Float32Array(steps + 1);
  sigmas.set(levels);
  const timesteps = levels.map((sigma) => sigma * config.trainTimesteps);
  // The pipeline divides by 1000 whatever trainTimesteps is.
  const times = timesteps.map((timestep) => fround(1000 - timestep) / 1000);
  return { steps, sigmas, timesteps, times };
}

const maxSteps = 1000;
const { fround } = Math;

/**
 * 1, …, 1/n in n equal steps, counted from the nearer end as torch.linspace does, with its fused multiply-add: the
 * product stays exact in double and only the sum is rounded. Equal to torch 2.13 (AVX2) for every n up to 1000.
 */
function linearLevels(steps: number): Float32Array {
  const levels = new Float32Array(steps);
  const last = fround(1 / steps);
  const step = steps === 1 ? 0 : fround(fround(last - 1) / (steps - 1));
  const half = Math.floor(steps / 2);
  for (let i = 0; i < steps; i++) levels[i] = i < half ? 1 + step * i : last - step * (steps - 1 - i);
  return levels;
}

/** s·u / (1 + (s − 1)·u) */
function staticShift(shift: number): (level: number) => number {
  const [factor, rest] = [fround(shift), fround(shift - 1)];
  return (level) => fround(factor * level) / fround(1 + fround(rest * level));
}

/** e^mu / (e^mu + 1/u − 1), or the same with mu for e^mu; mu is linear in the number of tokens. */
function dynamicShift(config: ScheduleConfig, imageTokens: number): (level: number) => number {
  const slope = (config.maxShift - config.baseShift) / (config.maxImageSeqLen - config.baseImageSeqLen);
  const mu = imageTokens * slope + (config.baseShift - slope * config.baseImageSeqLen);
  const weight = fround(config.timeShiftType === 'exponential' ? Math.exp(mu) : mu);
  return (level) => weight / fround(weight + fround(fround(1 / level) - 1));
}

/** Stretches 1 − u so that the last level becomes `terminal`. A single step starts at pure noise and stays there. */
function stretchToTerminal(levels: Float32Array, terminal: number): void {
  const last = fround(1 - levels[levels.length - 1]!);
  if (last === 0) return;
  const scale = fround(last / fround(1 - terminal));
  for (let i = 0; i < levels.length; i++) levels[i] = 1 - fround(fround(1 - levels[i]!) / scale);
}
