import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';

export interface GridWindow {
  readonly columns: number;
  /** Height of the whole grid in px, as if all of it were drawn. */
  readonly height: number;
  /** First and one past the last of the tiles to draw. */
  readonly first: number;
  readonly end: number;
  /** Side of a tile in px. */
  readonly side: number;
}

const tileMin = 168;
export const tileGap = 10;
/** Rows drawn beyond the screen on either side. */
const spareRows = 3;

/** Which tiles of a grid are near the screen; the rest is not in the document, however many there are. */
export function windowOf(view: {
  readonly count: number;
  readonly width: number;
  readonly top: number;
  readonly screen: number;
}): GridWindow {
  const { count, width, top, screen } = view;
  const columns = Math.max(2, Math.floor((width + tileGap) / (tileMin + tileGap)));
  const side = Math.max(1, (width - tileGap * (columns - 1)) / columns);
  const row = side + tileGap;
  const rows = Math.ceil(count / columns);
  const firstRow = Math.max(0, Math.floor(top / row) - spareRows);
  const endRow = Math.min(rows, Math.ceil((top + screen) / row) + spareRows);
  const first = Math.min(count, firstRow * columns);
  return {
    ...{ columns, side, first, end: Math.max(first, Math.min(count, endRow * columns)) },
    height: Math.max(0, rows * row - tileGap),
  };
}

/** The window of a grid in the page, kept in step with scrolling and with its width. */
export function useWindow(count: number): {
  readonly ref: RefObject<HTMLUListElement | null>;
  readonly view: GridWindow;
} {
  const ref = useRef<HTMLUListElement>(null);
  const [place, setPlace] = useState({ width: 800, top: 0, screen: 800 });
  useLayoutEffect(() => {
    const measure = (): void => {
      const box = ref.current?.getBoundingClientRect();
      if (box !== undefined) setPlace({ width: box.width, top: Math.max(0, -box.top), screen: innerHeight });
    };
    measure();
    const observer = new ResizeObserver(measure);
    if (ref.current !== null) observer.observe(ref.current);
    addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      removeEventListener('scroll', measure);
    };
  }, []);
  return { ref, view: windowOf({ count, ...place }) };
}

/** Calls for more when the end of what is there comes near the screen. */
export function useNearEnd(isNear: boolean, loadMore: () => void): void {
  const latest = useRef(loadMore);
  useEffect(() => {
    latest.current = loadMore;
    if (isNear) latest.current();
  });
}
