/**
 * How far the wall clock moved beyond the time that went by, since the last call: a clock that was set, or a machine
 * that slept. Small drifts of the two clocks are no jump.
 *
 * @returns ms; positive when the wall clock went ahead
 */
export function createClockJump(clocks: {
  /** ms since 1970 */
  readonly wall: () => number;
  /** ms that only rise */
  readonly monotonic: () => number;
}): () => number {
  let last = { wall: clocks.wall(), monotonic: clocks.monotonic() };
  return () => {
    const now = { wall: clocks.wall(), monotonic: clocks.monotonic() };
    const jump = Math.round(now.wall - last.wall - (now.monotonic - last.monotonic));
    last = now;
    return Math.abs(jump) < LEAST_MS ? 0 : jump;
  };
}

const LEAST_MS = 500;
