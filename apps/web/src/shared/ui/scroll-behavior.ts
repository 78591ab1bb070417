/** How the page scrolls by itself: at once for who wants less motion. */
export function scrollBehavior(): ScrollBehavior {
  return globalThis.matchMedia('(prefers-reduced-motion: reduce)').matches ? 'instant' : 'smooth';
}
