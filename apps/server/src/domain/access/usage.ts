import type { TenantId } from '../ids.ts';

/** What pictures cost, in the currency of the installation. */
export interface Prices {
  /** ISO 4217: `USD`, `CNY`. */
  readonly currency: string;
  readonly perPicture: number;
  readonly perDeviceSecond: number;
  /** What a hosted API takes for a picture, to compare with. */
  readonly hostedPerPicture?: number | undefined;
}

/** What was used in a day, by whom and for what. */
export interface UsageAmounts {
  /** Generations that were accepted. */
  readonly requests: number;
  /** Pictures that were drawn. */
  readonly pictures: number;
  /** Pictures that were given up. */
  readonly failed: number;
  /** Pictures that were drawn and do not count: drawn anew or held back by the quality gate, or rejected by a person. */
  readonly rejected: number;
  /** Of every attempt, also those that brought no picture. */
  readonly deviceMs: number;
  /** Millionths of the currency. */
  readonly costMicros: number;
}

export interface UsageKey {
  readonly tenantId: TenantId;
  /** Days since 1970 (UTC). */
  readonly day: number;
  /** Empty for requests without a key. */
  readonly keyId: string;
  readonly model: string;
  /** `1024x1024` */
  readonly size: string;
}

export const noUsage: UsageAmounts = { requests: 0, pictures: 0, failed: 0, rejected: 0, deviceMs: 0, costMicros: 0 };

/** Money for pictures and device time, in millionths of the currency. */
export function costMicros(
  { perPicture, perDeviceSecond }: Prices,
  { pictures, deviceMs }: { readonly pictures: number; readonly deviceMs: number },
): number {
  return Math.round((pictures * perPicture + (deviceMs / 1_000) * perDeviceSecond) * 1e6);
}

/** Days since 1970 (UTC). */
export function dayOf(at: number): number {
  return Math.floor(at / DAY_MS);
}

/**
 * Device time of an attempt that ended without a measurement: how long it was under way, but no more than predicted,
 * since a worker that is gone may have been so for hours.
 */
export function assumedDeviceMs(runMs: number, predictedMs: number): number {
  return Math.min(Math.max(0, runMs), predictedMs);
}

export const DAY_MS = 86_400_000;
