import { useEffect, useRef } from 'react';

/** Whether the reader has a ⌘ key where others have Ctrl. */
export const isApple = /mac|iphone|ipad/i.test(globalThis.navigator?.platform ?? '');

/**
 * Calls the handler for a key press anywhere on the page, except while an input method composes characters (its own
 * Enter and Escape mean something else), while a dialog or a popover is open, or when something nearer has taken the
 * key.
 */
export function useShortcut(isMatch: (event: KeyboardEvent) => boolean, handler: () => void): void {
  const latest = useRef({ isMatch, handler });
  useEffect(() => {
    latest.current = { isMatch, handler };
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      const isComposing = event.isComposing || event.keyCode === 229;
      const isCovered = document.querySelector('dialog[open], :popover-open') !== null;
      if (isComposing || event.defaultPrevented || isCovered) return;
      if (!latest.current.isMatch(event)) return;
      event.preventDefault();
      latest.current.handler();
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, []);
}

export const isCtrlEnter = (event: KeyboardEvent): boolean =>
  event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.altKey && !event.repeat;

export const isEscape = (event: KeyboardEvent): boolean => event.key === 'Escape' && !event.repeat;

/** Not while text is written. */
export const isQuestionMark = (event: KeyboardEvent): boolean =>
  event.key === '?' && !(event.target instanceof Element && event.target.matches('input, textarea, select'));
