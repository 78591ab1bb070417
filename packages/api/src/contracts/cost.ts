/** What pictures cost, and what a tenant may spend. */
import { z } from 'zod';
import { tenantQuery } from './access.ts';

export const costGroups = ['tenant', 'day', 'model', 'precision', 'size'] as const;
export type CostGroup = (typeof costGroups)[number];

/** Query of `GET /v1/costs`. */
export interface CostQuery {
  /** Another tenant than the caller's, or `*` for all; for admins of the installation. */
  readonly tenant?: string | undefined;
  /** First day. @default the first of the month */
  readonly from?: string | undefined;
  /** Last day. @default today */
  readonly to?: string | undefined;
  /** @default model, precision, size */
  readonly groupBy: readonly CostGroup[];
  /** Devices that were paid for all the time, whether they drew or not. */
  readonly devices?: number | undefined;
  /** @default what Accept asks for, else json */
  readonly format?: 'json' | 'csv' | undefined;
}

const day = z.iso.date();
export const costQuerySchema: z.ZodType<CostQuery, unknown> = z.strictObject({
  tenant: z.union([z.literal('*'), tenantQuery.tenant]).optional(),
  from: day.optional(),
  to: day.optional(),
  groupBy: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(z.enum(costGroups)).max(costGroups.length))
    .default(['model', 'precision', 'size'])
    .meta({ description: 'tenant, day, model, precision, size, parted by commas', example: 'tenant,model' }),
  devices: z.coerce
    .number()
    .min(0)
    .max(100_000)
    .optional()
    .meta({ description: 'Devices that were paid for all the time, whether they drew or not' }),
  format: z.enum(['json', 'csv']).optional(),
});

/** Money in the currency of the installation. */
export interface CostFigures {
  /** That count. */
  readonly pictures: number;
  /** That were drawn and do not count. */
  readonly rejected: number;
  readonly failed: number;
  readonly deviceSeconds: number;
  /** At the prices of its time. */
  readonly cost: number;
  /** Everything that was spent, by the pictures that count; absent without any. */
  readonly costPerPicture?: number | undefined;
  readonly deviceSecondsPerPicture?: number | undefined;
  /** What the hosted API would take for the pictures that count; absent when its price is not set. */
  readonly hostedCost?: number | undefined;
}

export interface CostItem extends CostFigures {
  readonly tenant?: string | undefined;
  readonly day?: string | undefined;
  readonly model?: string | undefined;
  /** Empty when the request named none. */
  readonly precision?: string | undefined;
  readonly size?: string | undefined;
}

const figures = {
  pictures: z.number(),
  rejected: z.number(),
  failed: z.number(),
  deviceSeconds: z.number(),
  cost: z.number(),
  costPerPicture: z.number().optional(),
  deviceSecondsPerPicture: z.number().optional(),
  hostedCost: z.number().optional(),
};

/** Answer of `GET /v1/costs`. */
export interface Costs {
  readonly from: string;
  readonly to: string;
  /** Absent while there are no prices. */
  readonly currency?: string | undefined;
  readonly items: readonly CostItem[];
  readonly total: CostFigures;
  /** With `devices`: what they cost in this time, busy or not, and what that makes of a picture. */
  readonly standing?: { readonly cost: number; readonly costPerPicture?: number | undefined } | undefined;
}

export const costsSchema: z.ZodType<Costs> = z
  .object({
    from: z.string(),
    to: z.string(),
    currency: z.string().optional(),
    items: z.array(
      z.object({
        tenant: z.string().optional(),
        day: z.string().optional(),
        model: z.string().optional(),
        precision: z.string().optional(),
        size: z.string().optional(),
        ...figures,
      }),
    ),
    total: z.object(figures),
    standing: z.object({ cost: z.number(), costPerPicture: z.number().optional() }).optional(),
  })
  .meta({ id: 'Costs' });

/** Body of `PUT /v1/budget`; what is absent is not limited. */
export interface BudgetRequest {
  /** From here on the audit log and the log tell, once a month. */
  readonly soft?: number | undefined;
  /** Beyond it nothing is accepted. */
  readonly hard?: number | undefined;
}

const money = z.number().min(0).max(1e12).optional();
export const budgetRequestSchema: z.ZodType<BudgetRequest> = z
  .strictObject({ soft: money, hard: money })
  .meta({ id: 'BudgetRequest' });

export const budgetStates = ['none', 'within', 'soft_reached', 'exhausted'] as const;

/** How a tenant stands in the calendar month (UTC). */
export interface BudgetStanding extends BudgetRequest {
  /** `2026-11` */
  readonly month: string;
  readonly currency?: string | undefined;
  readonly spent: number;
  /** What waits and is under way is predicted to cost. */
  readonly reserved: number;
  readonly state: (typeof budgetStates)[number];
}

export const budgetStandingSchema: z.ZodType<BudgetStanding> = z
  .object({
    month: z.string(),
    currency: z.string().optional(),
    soft: z.number().optional(),
    hard: z.number().optional(),
    spent: z.number(),
    reserved: z.number(),
    state: z.enum(budgetStates),
  })
  .meta({ id: 'BudgetStanding' });
