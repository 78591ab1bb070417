import type { QuotaChange, Quotas } from '@imagemill/api';

/** Of tenants and of keys. */
export const quotaNames = [
  'picturesPerDay',
  'picturesPerMonth',
  'deviceSecondsPerMonth',
  'maxOpen',
  'requestsPerMinute',
  'maxRunning',
] as const;
type QuotaName = (typeof quotaNames)[number];

/** Limits as they are typed. */
export type QuotaTexts = Partial<Record<QuotaName, string>>;

export function textsOf(limits: Quotas): QuotaTexts {
  return Object.fromEntries(
    quotaNames.flatMap((name) => (limits[name] === undefined ? [] : [[name, String(limits[name])]])),
  );
}

/** Limits of something new: what is empty is left out. */
export function limitsOf(texts: QuotaTexts): Quotas {
  return Object.fromEntries(quotaNames.flatMap((name) => (texts[name] ? [[name, Number(texts[name])]] : [])));
}

/** Limits of something that is there: what is empty is taken away. */
export function changeOf(texts: QuotaTexts): QuotaChange {
  return Object.fromEntries(quotaNames.map((name) => [name, texts[name] ? Number(texts[name]) : null]));
}
