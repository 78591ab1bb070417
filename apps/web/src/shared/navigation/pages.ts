import { useSyncExternalStore } from 'react';

/** The pages by their paths; the server answers each of them with the same document. */
export const pages = { generate: '/', gallery: '/gallery', queue: '/queue', operation: '/operation' } as const;
export type PageName = keyof typeof pages;

/** The page that the address names; unknown paths lead to the first. */
export function usePage(): PageName {
  const path = useSyncExternalStore(subscribe, () => globalThis.location.pathname);
  return pageOf(path);
}

export function pageOf(path: string): PageName {
  const trimmed = path === '/' ? path : path.replace(/\/+$/, '');
  const names = Object.keys(pages) as PageName[];
  return names.find((name) => pages[name] === trimmed) ?? 'generate';
}

/** Leads to a page without loading the document again. */
export function goTo(page: PageName): void {
  if (globalThis.location.pathname !== pages[page]) history.pushState(null, '', pages[page]);
  globalThis.scrollTo({ top: 0 });
  dispatchEvent(new PopStateEvent('popstate'));
}

function subscribe(listener: () => void): () => void {
  addEventListener('popstate', listener);
  return () => removeEventListener('popstate', listener);
}
