/** What was used, what it costs, and who did what. */
import { z } from 'zod';
import { anyTenantQuery, pageQuery, tenantQuery } from './access.ts';
import { timestampSchema } from './primitives.ts';

export const usageGroups = ['tenant', 'day', 'key', 'model', 'size'] as const;
export type UsageGroup = (typeof usageGroups)[number];

const dateSchema = z.iso.date().meta({ description: 'Day (UTC)', example: '2026-11-22' });
const groupsSchema: z.ZodType<readonly UsageGroup[], unknown> = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(z.array(z.enum(usageGroups)).max(usageGroups.length))
  .default(['day'])
  .meta({ description: 'tenant, day, key, model, size, parted by commas', example: 'day,model' });

/** Query of `GET /v1/usage`. */
export interface UsageQuery {
  /** Another tenant than the caller's, or `*` for all; for admins of the installation. */
  readonly tenant?: string | undefined;
  /** First day. @default the first of the month */
  readonly from?: string | undefined;
  /** Last day. @default today */
  readonly to?: string | undefined;
  /** @default day */
  readonly groupBy: readonly UsageGroup[];
  /** @default what Accept asks for, else json */
  readonly format?: 'json' | 'csv' | undefined;
}

export const usageQuerySchema: z.ZodType<UsageQuery, unknown> = z.strictObject({
  tenant: anyTenantQuery,
  from: dateSchema.optional(),
  to: dateSchema.optional(),
  groupBy: groupsSchema,
  format: z.enum(['json', 'csv']).optional(),
});

/** What was used by one group. */
export interface UsageItem {
  readonly tenant?: string | undefined;
  readonly day?: string | undefined;
  /** Empty for requests without a key. */
  readonly key?: string | undefined;
  readonly model?: string | undefined;
  readonly size?: string | undefined;
  /** Generations that were accepted. */
  readonly requests: number;
  /** Pictures that were drawn. */
  readonly pictures: number;
  /** Pictures that were given up. */
  readonly failed: number;
  /** Pictures that were drawn and do not count: drawn anew or held back by the quality gate, or rejected by a person. */
  readonly rejected: number;
  readonly deviceSeconds: number;
  /** In `currency`, at the prices of its time. */
  readonly cost: number;
}

const usageItemSchema: z.ZodType<UsageItem> = z
  .object({
    tenant: z.string().optional(),
    day: z.string().optional(),
    key: z.string().optional(),
    model: z.string().optional(),
    size: z.string().optional(),
    requests: z.number(),
    pictures: z.number(),
    failed: z.number(),
    rejected: z.number(),
    deviceSeconds: z.number(),
    cost: z.number(),
  })
  .meta({ id: 'UsageItem' });

/** Answer of `GET /v1/usage`. */
export interface Usage {
  readonly from: string;
  readonly to: string;
  /** Absent while there are no prices. */
  readonly currency?: string | undefined;
  readonly items: readonly UsageItem[];
}

export const usageSchema: z.ZodType<Usage> = z
  .object({ from: z.string(), to: z.string(), currency: z.string().optional(), items: z.array(usageItemSchema) })
  .meta({ id: 'Usage' });

/** What pictures cost from now on. */
export interface Prices {
  /** ISO 4217. */
  readonly currency: string;
  readonly perPicture: number;
  readonly perDeviceSecond: number;
  /** What a hosted API takes for a picture, to compare with. */
  readonly hostedPerPicture?: number | undefined;
}

const price = z.number().min(0).max(1_000_000);
export const pricesSchema: z.ZodType<Prices> = z
  .strictObject({
    currency: z.string().regex(/^[A-Z]{3}$/, 'a currency of ISO 4217, e.g. USD'),
    perPicture: price,
    perDeviceSecond: price,
    hostedPerPicture: price.optional(),
  })
  .meta({ id: 'Prices' });

/** Answer of `GET /v1/prices`. */
export interface PriceList {
  /** Absent before the first were set. */
  readonly prices?: Prices | undefined;
}

export const priceListSchema: z.ZodType<PriceList> = z
  .object({ prices: pricesSchema.optional() })
  .meta({ id: 'PriceList' });

/** One administrative act, or failed authentications of one kind. */
export interface AuditRecord {
  readonly id: string;
  readonly tenantId: string;
  readonly at: string;
  readonly actor: {
    readonly name: string;
    readonly tenantId?: string | undefined;
    readonly keyId?: string | undefined;
    readonly memberId?: string | undefined;
  };
  /** `key.created`, `tenant.disabled`, `authentication.failed` */
  readonly action: string;
  readonly target: string;
  /** Absent for the command line. */
  readonly address?: string | undefined;
  readonly before?: Readonly<Record<string, unknown>> | undefined;
  readonly after?: Readonly<Record<string, unknown>> | undefined;
  readonly count: number;
}

const facts = z.record(z.string(), z.unknown()).optional();
const auditRecordSchema: z.ZodType<AuditRecord> = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    at: timestampSchema,
    actor: z.object({
      name: z.string(),
      tenantId: z.string().optional(),
      keyId: z.string().optional(),
      memberId: z.string().optional(),
    }),
    action: z.string(),
    target: z.string(),
    address: z.string().optional(),
    before: facts,
    after: facts,
    count: z.int(),
  })
  .meta({ id: 'AuditRecord' });

/** Query of `GET /v1/audit`. */
export interface AuditQuery {
  readonly tenant?: string | undefined;
  readonly action?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export const auditQuerySchema: z.ZodType<AuditQuery, unknown> = z.strictObject({
  ...tenantQuery,
  action: z
    .string()
    .regex(/^[a-z_.]{1,100}$/, 'the name of an act, e.g. key.created')
    .optional(),
  from: z.iso.datetime({ offset: true }).optional().meta({ description: 'Included' }),
  to: z.iso.datetime({ offset: true }).optional().meta({ description: 'Excluded' }),
  ...pageQuery,
});

export interface AuditPage {
  readonly items: readonly AuditRecord[];
  readonly nextCursor?: string | undefined;
}

export const auditPageSchema: z.ZodType<AuditPage> = z
  .object({ items: z.array(auditRecordSchema), nextCursor: z.string().optional() })
  .meta({ id: 'AuditPage' });
