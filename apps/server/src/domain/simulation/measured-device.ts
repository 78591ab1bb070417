/** A device with timings that somebody measured. Pure. */
import { forwardTeraflops, type PictureShape, tokensOf } from './device-timing.ts';
import type { PlatformTiming, SimulatedDevice } from './simulate-day.ts';

/** What was measured with pictures of a size. */
export interface MeasuredSize extends PictureShape {
  /** Ms of one step of one picture, of two together, and so on; at least one figure. */
  readonly stepMs: readonly number[];
  /** Ms of the prompt and of the decoding of one picture. */
  readonly fixedMs: number;
}

export interface MeasuredTimings {
  /** At least one. */
  readonly sizes: readonly MeasuredSize[];
  readonly platform?: PlatformTiming | undefined;
}

/**
 * A size that was not measured takes what the nearest one took, by the arithmetic of both; pictures beyond the longest
 * batch that was measured take as much each as those of that batch.
 */
export function measuredDevice({ sizes, platform }: MeasuredTimings): SimulatedDevice {
  return {
    stepMs(shape, pictures) {
      const size = nearest(sizes, shape);
      const index = Math.min(pictures, size.stepMs.length);
      const ms = (size.stepMs[index - 1] ?? 0) * (pictures / index);
      return (ms * forwardTeraflops(shape)) / forwardTeraflops(size);
    },
    fixedMs(shape) {
      const size = nearest(sizes, shape);
      return (size.fixedMs * shape.width * shape.height) / (size.width * size.height);
    },
    platform,
  };
}

function nearest(sizes: readonly MeasuredSize[], shape: PictureShape): MeasuredSize {
  const distance = (size: PictureShape): number => Math.abs(Math.log(tokensOf(size) / tokensOf(shape)));
  return sizes.reduce((best, size) => (distance(size) < distance(best) ? size : best));
}
