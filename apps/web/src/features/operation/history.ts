import type { SystemHistory, SystemSample } from '@imagemill/api';

const leastMs = 120_000;

/** Where the charts begin, in ms: where the records do, if that is later than what was asked for; two minutes ago at the latest. */
export function beginOf({ from, to, samples }: Pick<SystemHistory, 'from' | 'to' | 'samples'>): number {
  const first = samples[0];
  if (first === undefined) return Date.parse(from);
  return Math.max(Date.parse(from), Math.min(Date.parse(first.at), Date.parse(to) - leastMs));
}

/** Pictures a minute at each sample, over the minute that ends there; a step that is longer counts alone. */
export function ratesOf(samples: readonly Pick<SystemSample, 'succeeded'>[], stepSeconds: number): readonly number[] {
  const width = Math.max(1, Math.round(60 / stepSeconds));
  return samples.map((_, index) => {
    const window = samples.slice(Math.max(0, index - width + 1), index + 1);
    return (window.reduce((sum, { succeeded }) => sum + succeeded, 0) * 60) / (width * stepSeconds);
  });
}
