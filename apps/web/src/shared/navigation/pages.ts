import type { Permission } from '@imagemill/api';
import { useSyncExternalStore } from 'react';

/** The pages by their paths; the server answers each of them with the same document. */
export const pages = {
  generate: '/',
  gallery: '/gallery',
  bulks: '/bulks',
  queue: '/queue',
  review: '/review',
  operation: '/operation',
  administration: '/administration',
  alerts: '/alerts',
} as const;
export type PageName = keyof typeof pages;

/** Rights that open a page: one of them is enough. */
export const pageRights: Readonly<Record<PageName, readonly Permission[]>> = {
  generate: ['generations:read'],
  gallery: ['assets:read'],
  bulks: ['generations:read'],
  queue: ['queue:read'],
  review: ['pictures:review'],
  administration: ['tenants:manage', 'members:manage', 'keys:manage', 'usage:read', 'audit:read'],
  alerts: ['operations:read'],
  operation: ['queue:manage', 'models:manage', 'loras:manage'],
};

/** The page that the address names; unknown paths lead to the first. */
export function usePage(): PageName {
  return pageOf(usePath());
}

/** The path of the address, without a slash at its end. */
export function usePath(): string {
  return useSyncExternalStore(subscribe, () => globalThis.location.pathname.replace(/(?<=.)\/+$/, ''));
}

export function pageOf(path: string): PageName {
  const trimmed = path === '/' ? path : path.replace(/\/+$/, '');
  const names = Object.keys(pages) as PageName[];
  const isOf = (name: PageName): boolean => name !== 'generate' && trimmed.startsWith(`${pages[name]}/`);
  return names.find((name) => pages[name] === trimmed || isOf(name)) ?? 'generate';
}

/** Leads to a page without loading the document again. */
export function goTo(page: PageName): void {
  goToPath(pages[page]);
}

/** Leads to a path of the page. */
export function goToPath(path: string): void {
  if (globalThis.location.pathname !== path) history.pushState(null, '', path);
  globalThis.scrollTo({ top: 0 });
  dispatchEvent(new PopStateEvent('popstate'));
}

function subscribe(listener: () => void): () => void {
  addEventListener('popstate', listener);
  return () => removeEventListener('popstate', listener);
}
