import type { Model } from '@imagemill/api';

/** Half of the model's own steps, its own, and twice as many. */
export const speeds = ['fast', 'usual', 'fine'] as const;
export type Speed = (typeof speeds)[number];

type Steps = Pick<Model, 'defaultSteps' | 'maxSteps'>;

export function stepsOfSpeed(speed: Speed, { defaultSteps, maxSteps }: Steps): number {
  if (speed === 'fast') return Math.max(1, Math.round(defaultSteps / 2));
  return Math.min(maxSteps, speed === 'usual' ? defaultSteps : defaultSteps * 2);
}

/** The preset that a number of steps is; undefined for one of the reader's own. */
export function speedOf(steps: number, model: Steps): Speed | undefined {
  return (['usual', 'fast', 'fine'] as const).find((speed) => stepsOfSpeed(speed, model) === steps);
}
