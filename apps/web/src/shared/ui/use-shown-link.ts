import { type RefObject, useEffect, useRef } from 'react';

/** For a row of links that scrolls on narrow screens: brings the one of the current page into sight. */
export function useShownLink(current: string): RefObject<HTMLElement | null> {
  const row = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another current link is another element
  useEffect(() => {
    row.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [current]);
  return row;
}
