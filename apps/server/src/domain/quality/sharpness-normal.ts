/**
 * How sharp the pictures of a model normally are, learnt from those that were drawn. Sharpness is compared by its
 * logarithm: half as sharp is as far away as twice as sharp. Pure; the caller keeps the records.
 */
export interface SharpnessNormal {
  readonly model: string;
  /** Width × height: larger pictures are smoother pixel by pixel. */
  readonly pixels: number;
  /** Of the natural logarithm of the sharpness. */
  readonly mean: number;
  readonly variance: number;
  /** Pictures learnt from. */
  readonly count: number;
}

/** The normal after one more picture. The newest thousand or so count. */
export function learnSharpness(
  before: SharpnessNormal | undefined,
  shape: Pick<SharpnessNormal, 'model' | 'pixels'>,
  sharpness: number,
): SharpnessNormal {
  const value = Math.log(Math.max(sharpness, LEAST));
  if (before === undefined) return { model: shape.model, pixels: shape.pixels, mean: value, variance: 0, count: 1 };
  const rate = Math.max(1 / (before.count + 1), 1 / MEMORY);
  const away = value - before.mean;
  return {
    ...before,
    mean: before.mean + rate * away,
    variance: (1 - rate) * (before.variance + rate * away * away),
    count: before.count + 1,
  };
}

/** The sharpness below which a picture is blurred; undefined while too few pictures were seen. */
export function blurLimit(normal: SharpnessNormal | undefined, deviations: number): number | undefined {
  if (normal === undefined || normal.count < FEWEST) return undefined;
  // Drawings of one style are all alike: without a floor a harmless difference would be many deviations.
  const deviation = Math.max(Math.sqrt(normal.variance), LEAST_DEVIATION);
  return Math.exp(normal.mean - deviations * deviation);
}

/** Pictures that have to be seen before one can be called blurred. */
export const FEWEST = 30;
const MEMORY = 1_000;
const LEAST = 1e-3;
const LEAST_DEVIATION = 0.2;
