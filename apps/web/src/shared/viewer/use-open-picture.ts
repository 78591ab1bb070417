import { useCallback, useSyncExternalStore } from 'react';

const prefix = '#picture=';

/**
 * The picture that is open, kept in the address: the back button closes it, a reload keeps it open, and the address can
 * be passed on.
 */
export function useOpenPicture(): {
  readonly openId: string | undefined;
  readonly open: (jobId: string) => void;
  readonly close: () => void;
} {
  const hash = useSyncExternalStore(subscribe, () => globalThis.location.hash);
  const openId = hash.startsWith(prefix) ? decodeURIComponent(hash.slice(prefix.length)) : undefined;

  const open = useCallback((jobId: string) => {
    const url = prefix + encodeURIComponent(jobId);
    // From picture to picture the entry is replaced, so that one step back leaves the viewer.
    if (globalThis.location.hash.startsWith(prefix)) history.replaceState({ ...history.state }, '', url);
    else history.pushState({ isViewerEntry: true }, '', url);
    dispatchEvent(new PopStateEvent('popstate'));
  }, []);

  const close = useCallback(() => {
    if (!globalThis.location.hash.startsWith(prefix)) return;
    if (history.state?.isViewerEntry === true) return history.back();
    history.replaceState(null, '', globalThis.location.pathname + globalThis.location.search);
    dispatchEvent(new PopStateEvent('popstate'));
  }, []);

  return { openId, open, close };
}

function subscribe(listener: () => void): () => void {
  addEventListener('popstate', listener);
  addEventListener('hashchange', listener);
  return () => {
    removeEventListener('popstate', listener);
    removeEventListener('hashchange', listener);
  };
}
