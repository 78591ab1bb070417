/** What pictures cost, by whatever they are grouped by. Pure. */
import type { UsageAmounts } from '../access/usage.ts';

export interface CostFigures {
  /** That count. */
  readonly pictures: number;
  /** That were drawn and do not count. */
  readonly rejected: number;
  readonly failed: number;
  readonly deviceSeconds: number;
  readonly cost: number;
  /** Everything that was spent, by the pictures that count; undefined without any. */
  readonly costPerPicture: number | undefined;
  readonly deviceSecondsPerPicture: number | undefined;
  /** What a hosted API would take for the pictures that count; undefined when its price is not set. */
  readonly hostedCost: number | undefined;
}

/** @param hostedPerPicture price of a picture of a hosted API, in the same currency */
export function costFigures(amounts: UsageAmounts, hostedPerPicture: number | undefined): CostFigures {
  const { pictures, rejected, failed } = amounts;
  const deviceSeconds = amounts.deviceMs / 1_000;
  const cost = amounts.costMicros / 1e6;
  const each = (sum: number): number | undefined => (pictures > 0 ? sum / pictures : undefined);
  return {
    ...{ pictures, rejected, failed, deviceSeconds, cost },
    costPerPicture: each(cost),
    deviceSecondsPerPicture: each(deviceSeconds),
    hostedCost: hostedPerPicture === undefined ? undefined : pictures * hostedPerPicture,
  };
}

export function sumOf(rows: readonly UsageAmounts[]): UsageAmounts {
  const sum = (pick: (row: UsageAmounts) => number): number => rows.reduce((total, row) => total + pick(row), 0);
  return {
    requests: sum((row) => row.requests),
    pictures: sum((row) => row.pictures),
    failed: sum((row) => row.failed),
    rejected: sum((row) => row.rejected),
    deviceMs: sum((row) => row.deviceMs),
    costMicros: sum((row) => row.costMicros),
  };
}

/** `demo:w8a8` → `demo` and `w8a8`; a model that was named without a precision has an empty one. */
export function splitModel(name: string): { readonly model: string; readonly precision: string } {
  const found = /^(.*):(mapped|packed|fp16|w8a8)$/.exec(name);
  return { model: found?.[1] ?? name, precision: found?.[2] ?? '' };
}

/** Devices cost by the hour whether they draw or not: what that makes of a picture. */
export function standingCost(of: {
  readonly devices: number;
  readonly hours: number;
  readonly perDeviceSecond: number;
  readonly pictures: number;
}): { readonly cost: number; readonly costPerPicture: number | undefined } {
  const cost = of.devices * of.hours * 3_600 * of.perDeviceSecond;
  return { cost, costPerPicture: of.pictures > 0 ? cost / of.pictures : undefined };
}
