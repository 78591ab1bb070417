import type { QuotaChange, Quotas } from '@imagemill/api';

/** `none` takes a limit away. */
export type LimitFlags = { readonly [Name in keyof Quotas]?: number | 'none' };

/** Limits to set; null takes one away. */
export function limitChangeOf(flags: LimitFlags): QuotaChange {
  const { picturesPerDay, picturesPerMonth, deviceSecondsPerMonth, maxRunning, maxOpen, requestsPerMinute } = flags;
  const given = { picturesPerDay, picturesPerMonth, deviceSecondsPerMonth, maxRunning, maxOpen, requestsPerMinute };
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value === 'none' ? null : value]));
}

/** Limits of something new: those that are none are left out. */
export function limitsOf(flags: LimitFlags): Quotas {
  const set = Object.entries(limitChangeOf(flags)).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(set) as Quotas;
}
