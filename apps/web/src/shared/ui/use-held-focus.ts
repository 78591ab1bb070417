import { type RefObject, useLayoutEffect, useRef } from 'react';

/**
 * For a list whose entries go away by their own buttons: when the entry with the focus is gone, the list takes it, so
 * that who works by keys goes on where they were and not at the top of the page. The element needs `tabIndex={-1}`.
 */
export function useHeldFocus<T extends HTMLElement>(): RefObject<T | null> {
  const ref = useRef<T>(null);
  const had = useRef(false);
  // At every render: nothing else tells that an element went away.
  useLayoutEffect(() => {
    const { current } = ref;
    if (current === null) return;
    const hasNone = document.activeElement === null || document.activeElement === document.body;
    if (had.current && hasNone) current.focus({ preventScroll: true });
    had.current = current.contains(document.activeElement);
  });
  return ref;
}
