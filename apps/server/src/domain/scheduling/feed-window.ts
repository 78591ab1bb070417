/**
 * How many jobs lie ready for the workers beside the records. Few, since what lies there is served in the order in which it
 * was laid out: whoever comes later waits for it, whatever its rank. Enough, so that no worker finds nothing between
 * two looks of the feeder. Pure.
 *
 * The window doubles when all that was laid out was taken before the next look, and shrinks by one when less than half
 * of it was.
 */
export interface FeedWindow {
  /** Jobs that may lie ready, `least` to `most`. */
  readonly size: number;
  readonly least: number;
  readonly most: number;
}

export function feedWindow(least = 2, most = 512): FeedWindow {
  return { size: least, least, most };
}

/** The window after a look. @param found jobs that still lay there @param isMoreQueued whether the last look left jobs in the queue */
export function adjustWindow(
  window: FeedWindow,
  { found, isMoreQueued }: { readonly found: number; readonly isMoreQueued: boolean },
): FeedWindow {
  const { size, least, most } = window;
  if (found === 0 && isMoreQueued) return { ...window, size: Math.min(most, size * 2) };
  if (found * 2 > size) return { ...window, size: Math.max(least, size - 1) };
  return window;
}
