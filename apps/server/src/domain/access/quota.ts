/**
 * Quotas: what a tenant or a key may use in a calendar day or month (UTC), and how much may be open at once.
 *
 * What is asked for is reserved when it is accepted, in the periods of that time, and settled in the same periods when
 * it ends: a picture that was drawn counts as used, one that was not gives its place back. Reserved and used together
 * never exceed the limit of pictures; device time is reserved as predicted and may exceed it by what the prediction
 * was short of.
 */
import type { Limits } from './limits.ts';

export type QuotaName = 'maxOpen' | 'picturesPerDay' | 'picturesPerMonth' | 'deviceSecondsPerMonth';

/** A period of counting: `open` is what has not ended, whenever it was asked for. */
export type Period = string;

/** What a tenant or key has reserved and used in a period. */
export interface QuotaCounter {
  readonly period: Period;
  /** Pictures. */
  readonly reserved: number;
  /** Pictures that were drawn. */
  readonly pictures: number;
  readonly reservedMs: number;
  readonly deviceMs: number;
}

/** A quota that does not allow what was asked for. */
export interface Breach {
  readonly quota: QuotaName;
  readonly limit: number;
  /** Used and reserved without what was asked for. */
  readonly used: number;
  readonly requested: number;
  /** When the period ends, in ms since 1970; undefined for what is open: that ends picture by picture. */
  readonly resetsAt: number | undefined;
}

export const OPEN: Period = 'open';

/** The periods that a moment counts in, in the order in which they are always written. */
export function periodsAt(at: number): readonly [Period, Period, Period] {
  const day = new Date(at).toISOString().slice(0, 10);
  return [`day ${day}`, `month ${day.slice(0, 7)}`, OPEN];
}

/** End of the day or month that a moment lies in. */
export function resetOf(quota: QuotaName, at: number): number | undefined {
  if (quota === 'maxOpen') return undefined;
  const date = new Date(at);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  return quota === 'picturesPerDay' ? Date.UTC(year, month, date.getUTCDate() + 1) : Date.UTC(year, month + 1, 1);
}

/**
 * The first quota that is exceeded.
 *
 * @param counters as they are with what was asked for
 * @param asked pictures and their predicted device time, which are in the counters already
 */
export function findBreach(
  limits: Limits,
  counters: readonly QuotaCounter[],
  asked: { readonly pictures: number; readonly costMs: number; readonly at: number },
): Breach | undefined {
  for (const [quota, total] of totalsAt(counters, asked.at)) {
    const limit = limits[quota];
    if (limit === undefined || total <= limit + 1e-6) continue;
    const requested = quota === 'deviceSecondsPerMonth' ? asked.costMs / 1_000 : asked.pictures;
    const used = Math.max(0, Math.round((total - requested) * 1_000) / 1_000);
    return { quota, limit, used, requested: Math.round(requested * 1_000) / 1_000, resetsAt: resetOf(quota, asked.at) };
  }
  return undefined;
}

/** How far a quota is used. */
export type Standing = Omit<Breach, 'requested'>;

/** How far each quota that is limited is used at a moment. */
export function standingAt(limits: Limits, counters: readonly QuotaCounter[], at: number): readonly Standing[] {
  return totalsAt(counters, at).flatMap(([quota, total]) => {
    const limit = limits[quota];
    if (limit === undefined) return [];
    return [{ quota, limit, used: Math.max(0, Math.round(total * 1_000) / 1_000), resetsAt: resetOf(quota, at) }];
  });
}

/** Used and reserved together, in the order in which quotas are looked at. */
function totalsAt(counters: readonly QuotaCounter[], at: number): readonly (readonly [QuotaName, number])[] {
  const [day, month] = periodsAt(at);
  const of = (period: Period): QuotaCounter | undefined => counters.find((one) => one.period === period);
  const pictures = (counter: QuotaCounter | undefined): number => (counter?.reserved ?? 0) + (counter?.pictures ?? 0);
  const deviceMs = (of(month)?.reservedMs ?? 0) + (of(month)?.deviceMs ?? 0);
  return [
    ['maxOpen', of(OPEN)?.reserved ?? 0],
    ['picturesPerDay', pictures(of(day))],
    ['picturesPerMonth', pictures(of(month))],
    ['deviceSecondsPerMonth', deviceMs / 1_000],
  ];
}

/** What each quota says in a sentence: `may draw 100 pictures a day`. */
export function quotaWords({ quota, limit }: Pick<Breach, 'quota' | 'limit'>): string {
  switch (quota) {
    case 'maxOpen':
      return `may have ${limit} pictures waiting or under way`;
    case 'picturesPerDay':
      return `may draw ${limit} pictures a day`;
    case 'picturesPerMonth':
      return `may draw ${limit} pictures a month`;
    case 'deviceSecondsPerMonth':
      return `may use ${limit} device-seconds a month`;
  }
}
