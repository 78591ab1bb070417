import type { Usage } from '@imagemill/api';

/** Today as the server counts days (UTC), e.g. 2026-11-25. */
export function today(now = Date.now()): string {
  return new Date(now).toISOString().slice(0, 10);
}

export function firstOfMonth(now = Date.now()): string {
  return `${today(now).slice(0, 8)}01`;
}

/** Pictures of every day of a span, also of those without any. */
export function byDay(usage: Usage | undefined): readonly { readonly day: string; readonly pictures: number }[] {
  if (usage === undefined) return [];
  const found = new Map(usage.items.map(({ day, pictures }) => [day, pictures]));
  const days: { day: string; pictures: number }[] = [];
  for (let at = Date.parse(usage.from); at <= Date.parse(usage.to); at += DAY_MS) {
    const day = today(at);
    days.push({ day, pictures: found.get(day) ?? 0 });
  }
  return days;
}

const DAY_MS = 86_400_000;
