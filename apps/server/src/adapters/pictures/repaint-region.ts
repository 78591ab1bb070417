import type { PictureSize } from '../../domain/size-policy.ts';

export interface Region extends PictureSize {
  readonly left: number;
  readonly top: number;
}

/** The smallest region that holds every byte above 0 of a mask `[height, width]`; undefined for an empty one. */
export function boundsOf(mask: Uint8Array, { width, height }: PictureSize): Region | undefined {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (mask[y * width + x] === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  return right < 0 ? undefined : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/**
 * A region with a margin on every side, grown to the proportions of the picture that is drawn for it, as far as the
 * whole has room.
 */
export function drawnRegion(found: Region, padding: number, drawn: PictureSize, whole: PictureSize): Region {
  const x = widened({ from: found.left, length: found.width }, found.width + 2 * padding, whole.width);
  const y = widened({ from: found.top, length: found.height }, found.height + 2 * padding, whole.height);
  const ratio = drawn.width / drawn.height;
  const wide = x.length / y.length < ratio ? widened(x, Math.round(y.length * ratio), whole.width) : x;
  const high = x.length / y.length > ratio ? widened(y, Math.round(x.length / ratio), whole.height) : y;
  return { left: wide.from, top: high.from, width: wide.length, height: high.length };
}

interface Span {
  readonly from: number;
  readonly length: number;
}

/** A span of another length about the same middle, moved so far that it lies within the whole. */
function widened({ from, length }: Span, wanted: number, whole: number): Span {
  const next = Math.min(wanted, whole);
  const start = Math.round(from - (next - length) / 2);
  return { from: Math.max(0, Math.min(start, whole - next)), length: next };
}
