import type { QuotaChange, Quotas } from '@imagemill/api';

export const keyQuotas = [
  'picturesPerDay',
  'picturesPerMonth',
  'deviceSecondsPerMonth',
  'maxOpen',
  'requestsPerMinute',
] as const;
export const tenantQuotas = [...keyQuotas, 'maxRunning'] as const;
export type QuotaName = (typeof tenantQuotas)[number];

/** Limits as they are typed. */
export type QuotaTexts = Partial<Record<QuotaName, string>>;

export function textsOf(limits: Quotas): QuotaTexts {
  return Object.fromEntries(
    tenantQuotas.flatMap((name) => (limits[name] === undefined ? [] : [[name, String(limits[name])]])),
  );
}

/** Limits of something new: what is empty is left out. */
export function limitsOf(texts: QuotaTexts): Quotas {
  return Object.fromEntries(tenantQuotas.flatMap((name) => (texts[name] ? [[name, Number(texts[name])]] : [])));
}

/** Limits of something that is there: what is empty is taken away. */
export function changeOf(texts: QuotaTexts): QuotaChange {
  return Object.fromEntries(tenantQuotas.map((name) => [name, texts[name] ? Number(texts[name]) : null]));
}
