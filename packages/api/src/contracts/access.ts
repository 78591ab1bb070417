/** Who calls, tenants, members and API keys. */
import { z } from 'zod';
import { DEFAULT_PAGE_SIZE, LIMITS } from './limits.ts';
import { idSchema, timestampSchema } from './primitives.ts';
import { type Permission, permissions, type Role, roles } from './rights.ts';

/** Limits of a tenant or an API key; what is absent is not limited. */
export interface Quotas {
  /** Pictures a calendar day (UTC). */
  readonly picturesPerDay?: number | undefined;
  /** Pictures a calendar month (UTC). */
  readonly picturesPerMonth?: number | undefined;
  /** Device time a calendar month (UTC), in seconds. */
  readonly deviceSecondsPerMonth?: number | undefined;
  /** Pictures accepted and not ended: waiting or under way. */
  readonly maxOpen?: number | undefined;
  readonly requestsPerMinute?: number | undefined;
  /** Pictures under way at once. */
  readonly maxRunning?: number | undefined;
}

/** Limits to set; null takes one away, what is absent stays. */
export type QuotaChange = { readonly [Name in keyof Quotas]?: number | null | undefined };

const many = z.int().min(1).max(1_000_000_000);
const quotasSchema: z.ZodType<Quotas> = z
  .strictObject({
    picturesPerDay: many.optional().meta({ description: 'Pictures a calendar day (UTC)' }),
    picturesPerMonth: many.optional().meta({ description: 'Pictures a calendar month (UTC)' }),
    deviceSecondsPerMonth: many.optional().meta({ description: 'Device time a calendar month (UTC)' }),
    maxOpen: many.optional().meta({ description: 'Pictures accepted and not ended' }),
    requestsPerMinute: many.optional(),
    maxRunning: many.optional().meta({ description: 'Pictures under way at once' }),
  })
  .meta({ id: 'Quotas' });
const change = many.nullable().optional();
const quotaChangeSchema: z.ZodType<QuotaChange> = z
  .strictObject({
    picturesPerDay: change,
    picturesPerMonth: change,
    deviceSecondsPerMonth: change,
    maxOpen: change,
    requestsPerMinute: change,
    maxRunning: change,
  })
  .meta({ id: 'QuotaChange' });

export const markLanguages = ['none', 'zh', 'en'] as const;
export const markCorners = ['top-left', 'top-right', 'bottom-left', 'bottom-right'] as const;

/** How pictures are labelled; what is absent is as in the settings of the server. */
export interface Labels {
  /** Whether files carry the implicit label of GB 45438-2025. */
  readonly aiLabel?: boolean | undefined;
  /** Who produces the pictures, as the label says. */
  readonly aiLabelProducer?: string | undefined;
  /** Language of the visible mark. */
  readonly visibleMark?: (typeof markLanguages)[number] | undefined;
  readonly visibleMarkCorner?: (typeof markCorners)[number] | undefined;
  /** Height of its letters in percent of the shorter side, 5 to 25. */
  readonly visibleMarkPercent?: number | undefined;
}

/** Labels to set; null takes one back to the settings of the server, what is absent stays. */
export type LabelChange = { readonly [Name in keyof Labels]?: Labels[Name] | null };

const labelFields = {
  aiLabel: z.boolean(),
  aiLabelProducer: z.string().min(1).max(200),
  visibleMark: z.enum(markLanguages),
  visibleMarkCorner: z.enum(markCorners),
  visibleMarkPercent: z.number().min(5).max(25),
};
const labelsSchema: z.ZodType<Labels> = z.strictObject(labelFields).partial().meta({ id: 'Labels' });
const labelChangeSchema: z.ZodType<LabelChange> = z
  .strictObject({
    aiLabel: labelFields.aiLabel.nullable(),
    aiLabelProducer: labelFields.aiLabelProducer.nullable(),
    visibleMark: labelFields.visibleMark.nullable(),
    visibleMarkCorner: labelFields.visibleMarkCorner.nullable(),
    visibleMarkPercent: labelFields.visibleMarkPercent.nullable(),
  })
  .partial()
  .meta({ id: 'LabelChange' });

const nameSchema = z
  .string()
  .trim()
  .min(1)
  .max(200)
  // As \p{Cc}, which readers of the OpenAPI document in other languages do not know.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'text without control characters');
export const tenantIdSchema: z.ZodType<string> = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and -, at most 63')
  .meta({ description: 'Name of a tenant', example: 'acme' });
const futureSchema = z.iso.datetime({ offset: true }).meta({ description: 'RFC 3339' });

/** Answer of `GET /v1/whoami`. */
export interface Caller {
  readonly name: string;
  readonly tenantId: string;
  readonly role: Role;
  readonly permissions: readonly Permission[];
  readonly keyId?: string | undefined;
  readonly memberId?: string | undefined;
  readonly limits: { readonly tenant: Quotas; readonly key?: Quotas | undefined };
  /** How far each quota is used. */
  readonly standing: readonly QuotaStanding[];
}

/** How far a quota of the tenant or the key is used. */
export interface QuotaStanding {
  readonly subject: 'tenant' | 'key';
  readonly quota: (typeof quotaNames)[number];
  readonly limit: number;
  /** Used and reserved. */
  readonly used: number;
  readonly remaining: number;
  /** When it starts anew; absent for what is open. */
  readonly resetsAt?: string | undefined;
}

export const quotaNames = ['maxOpen', 'picturesPerDay', 'picturesPerMonth', 'deviceSecondsPerMonth'] as const;

const standingSchema: z.ZodType<QuotaStanding> = z
  .object({
    subject: z.enum(['tenant', 'key']),
    quota: z.enum(quotaNames),
    limit: z.number(),
    used: z.number(),
    remaining: z.number(),
    resetsAt: timestampSchema.optional(),
  })
  .meta({ id: 'QuotaStanding' });

export const callerSchema: z.ZodType<Caller> = z
  .object({
    name: z.string(),
    tenantId: z.string(),
    role: z.enum(roles),
    permissions: z.array(z.enum(permissions)),
    keyId: z.string().optional(),
    memberId: z.string().optional(),
    limits: z.object({ tenant: quotasSchema, key: quotasSchema.optional() }),
    standing: z.array(standingSchema),
  })
  .meta({ id: 'Caller' });

/** An API key without its secret. */
export interface ApiKey {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly role: Role;
  /** Narrow the role; absent leaves it whole. */
  readonly scopes?: readonly Permission[] | undefined;
  readonly memberId?: string | undefined;
  readonly limits: Quotas;
  readonly state: 'active' | 'expired' | 'revoked';
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt?: string | undefined;
  readonly revokedAt?: string | undefined;
  /** The key that takes its place. */
  readonly rotatedTo?: string | undefined;
  readonly lastUsedAt?: string | undefined;
}

export const apiKeySchema: z.ZodType<ApiKey> = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    name: z.string(),
    role: z.enum(roles),
    scopes: z.array(z.enum(permissions)).optional(),
    memberId: z.string().optional(),
    limits: quotasSchema,
    state: z.enum(['active', 'expired', 'revoked']),
    createdAt: timestampSchema,
    createdBy: z.string(),
    expiresAt: timestampSchema.optional(),
    revokedAt: timestampSchema.optional(),
    rotatedTo: z.string().optional(),
    lastUsedAt: timestampSchema.optional(),
  })
  .meta({ id: 'ApiKey' });

/** A key that was just made. */
export interface IssuedKey {
  readonly key: ApiKey;
  /** What a client sends. It is shown this once and cannot be asked for again. */
  readonly secret: string;
}

export const issuedKeySchema: z.ZodType<IssuedKey> = z
  .object({ key: apiKeySchema, secret: z.string().meta({ description: 'Shown this once' }) })
  .meta({ id: 'IssuedKey' });

/** Body of `POST /v1/keys`. */
export interface KeyRequest {
  readonly name: string;
  readonly role: Role;
  readonly scopes?: readonly Permission[] | undefined;
  /** Another tenant than the caller's; for admins of the installation. */
  readonly tenantId?: string | undefined;
  readonly memberId?: string | undefined;
  readonly expiresAt?: string | undefined;
  readonly limits?: Quotas | undefined;
}

export const keyRequestSchema: z.ZodType<KeyRequest> = z
  .strictObject({
    name: nameSchema,
    role: z.enum(roles),
    scopes: z.array(z.enum(permissions)).min(1).max(permissions.length).optional(),
    tenantId: tenantIdSchema.optional(),
    memberId: idSchema.optional(),
    expiresAt: futureSchema.optional(),
    limits: quotasSchema.optional(),
  })
  .meta({ id: 'KeyRequest' });

/** Body of `PATCH /v1/keys/:id`; what is absent stays. */
export interface KeyChange {
  readonly name?: string | undefined;
  readonly role?: Role | undefined;
  /** Null leaves the role whole. */
  readonly scopes?: readonly Permission[] | null | undefined;
  /** Null lets it never end. */
  readonly expiresAt?: string | null | undefined;
  readonly limits?: QuotaChange | undefined;
}

export const keyChangeSchema: z.ZodType<KeyChange> = z
  .strictObject({
    name: nameSchema.optional(),
    role: z.enum(roles).optional(),
    scopes: z.array(z.enum(permissions)).min(1).max(permissions.length).nullable().optional(),
    expiresAt: futureSchema.nullable().optional(),
    limits: quotaChangeSchema.optional(),
  })
  .meta({ id: 'KeyChange' });

/** Body of `POST /v1/keys/:id/rotate`. */
export interface RotateRequest {
  /** How long the old key is good beside the new one. @default a day */
  readonly overlapSeconds: number;
}

export const rotateRequestSchema: z.ZodType<RotateRequest, unknown> = z
  .strictObject({ overlapSeconds: z.int().min(0).max(2_592_000).default(86_400) })
  .meta({ id: 'RotateRequest' });

/** Body of `POST /v1/url-key/rotate`. */
export interface RotateUrlKeyRequest {
  /** Ends all addresses that were handed out before. @default false */
  readonly endOld: boolean;
}

export const rotateUrlKeySchema: z.ZodType<RotateUrlKeyRequest, unknown> = z
  .strictObject({ endOld: z.boolean().default(false) })
  .meta({ id: 'RotateUrlKeyRequest' });

/** A secret that signs addresses of pictures, by its name, which stands in them as `by`. */
export interface UrlKey {
  readonly id: string;
  readonly createdAt: string;
}

export const urlKeySchema: z.ZodType<UrlKey> = z
  .object({ id: z.string(), createdAt: timestampSchema })
  .meta({ id: 'UrlKey' });

/** Path of one key. */
export interface KeyParams {
  readonly id: string;
}

export const keyParamsSchema: z.ZodType<KeyParams, unknown> = z.object({
  id: z.string().regex(/^[a-z0-9]{6,40}$/, 'the id of a key'),
});

/** Which tenant, for admins of the installation; and which page. */
export interface ListOfTenantQuery {
  readonly tenant?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export const pageQuery: {
  readonly limit: z.ZodType<number, unknown>;
  readonly cursor: z.ZodType<string | undefined, unknown>;
} = {
  limit: z.coerce.number().int().min(1).max(LIMITS.pageSize).default(DEFAULT_PAGE_SIZE),
  cursor: z.string().min(1).max(200).optional(),
};
export const tenantQuery: { readonly tenant: z.ZodType<string | undefined, unknown> } = {
  tenant: tenantIdSchema
    .optional()
    .meta({ description: "Another tenant than the caller's; for admins of the installation" }),
};

export const listOfTenantQuerySchema: z.ZodType<ListOfTenantQuery, unknown> = z.strictObject({
  ...tenantQuery,
  ...pageQuery,
});
/** One tenant or, with `*`, all of them. */
export const anyTenantQuery: z.ZodType<string | undefined, unknown> = z
  .union([z.literal('*'), tenantIdSchema])
  .optional()
  .meta({ description: "Another tenant than the caller's, or * for all; for admins of the installation" });

/** Narrows a list to what the caller asked for. */
export const mineQuery: z.ZodType<boolean | undefined, unknown> = z
  .stringbool({ truthy: ['true'], falsy: ['false'] })
  .optional()
  .meta({ description: 'Only what the caller asked for: the person whatever key they come with, else the key' });

export const ofTenantQuerySchema: z.ZodType<{ readonly tenant?: string | undefined }, unknown> =
  z.strictObject(tenantQuery);

export interface ApiKeyPage {
  readonly items: readonly ApiKey[];
  readonly nextCursor?: string | undefined;
}

export const apiKeyPageSchema: z.ZodType<ApiKeyPage> = z
  .object({ items: z.array(apiKeySchema), nextCursor: z.string().optional() })
  .meta({ id: 'ApiKeyPage' });

/** An owner of data. */
export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  /** Since when its keys and members are refused. */
  readonly disabledAt?: string | undefined;
  /** Share of the device while tenants compete. */
  readonly weight: number;
  readonly limits: Quotas;
  /** How its pictures are labelled otherwise than those of all. */
  readonly labels: Labels;
}

export const tenantSchema: z.ZodType<Tenant> = z
  .object({
    id: z.string(),
    name: z.string(),
    createdAt: timestampSchema,
    disabledAt: timestampSchema.optional(),
    weight: z.number(),
    limits: quotasSchema,
    labels: labelsSchema,
  })
  .meta({ id: 'Tenant' });

const weightSchema = z.number().min(0.01).max(1_000);

/** Body of `POST /v1/tenants`. */
export interface TenantRequest {
  readonly id: string;
  /** @default the id */
  readonly name?: string | undefined;
  /** @default 1 */
  readonly weight?: number | undefined;
  readonly limits?: Quotas | undefined;
  readonly labels?: Labels | undefined;
}

export const tenantRequestSchema: z.ZodType<TenantRequest> = z
  .strictObject({
    id: tenantIdSchema,
    name: nameSchema.optional(),
    weight: weightSchema.optional(),
    limits: quotasSchema.optional(),
    labels: labelsSchema.optional(),
  })
  .meta({ id: 'TenantRequest' });

/** Body of `PATCH /v1/tenants/:id`. */
export interface TenantChange {
  readonly name?: string | undefined;
  readonly weight?: number | undefined;
  readonly limits?: QuotaChange | undefined;
  readonly labels?: LabelChange | undefined;
  readonly disabled?: boolean | undefined;
}

export const tenantChangeSchema: z.ZodType<TenantChange> = z
  .strictObject({
    name: nameSchema.optional(),
    weight: weightSchema.optional(),
    limits: quotaChangeSchema.optional(),
    labels: labelChangeSchema.optional(),
    disabled: z.boolean().optional(),
  })
  .meta({ id: 'TenantChange' });

export interface TenantParams {
  readonly id: string;
}

export const tenantParamsSchema: z.ZodType<TenantParams, unknown> = z.object({ id: tenantIdSchema });

export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export const pageQuerySchema: z.ZodType<PageQuery, unknown> = z.strictObject(pageQuery);

export interface TenantPage {
  readonly items: readonly Tenant[];
  readonly nextCursor?: string | undefined;
}

export const tenantPageSchema: z.ZodType<TenantPage> = z
  .object({ items: z.array(tenantSchema), nextCursor: z.string().optional() })
  .meta({ id: 'TenantPage' });

/** A person of a tenant. */
export interface Member {
  readonly id: string;
  readonly tenantId: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: string;
  readonly disabledAt?: string | undefined;
  readonly lastSeenAt?: string | undefined;
}

export const memberSchema: z.ZodType<Member> = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    email: z.string(),
    name: z.string(),
    role: z.enum(roles),
    createdAt: timestampSchema,
    disabledAt: timestampSchema.optional(),
    lastSeenAt: timestampSchema.optional(),
  })
  .meta({ id: 'Member' });

/** Body of `POST /v1/members`. */
export interface MemberRequest {
  readonly email: string;
  readonly name?: string | undefined;
  readonly role: Role;
  readonly tenantId?: string | undefined;
}

export const memberRequestSchema: z.ZodType<MemberRequest> = z
  .strictObject({
    email: z
      .email('an e-mail address')
      .regex(/^[^@]{1,64}@/, 'an e-mail address')
      .max(254),
    name: nameSchema.optional(),
    role: z.enum(roles),
    tenantId: tenantIdSchema.optional(),
  })
  .meta({ id: 'MemberRequest' });

/** Body of `PATCH /v1/members/:id`. */
export interface MemberChange {
  readonly name?: string | undefined;
  readonly role?: Role | undefined;
  readonly disabled?: boolean | undefined;
}

export const memberChangeSchema: z.ZodType<MemberChange> = z
  .strictObject({ name: nameSchema.optional(), role: z.enum(roles).optional(), disabled: z.boolean().optional() })
  .meta({ id: 'MemberChange' });

export interface MemberPage {
  readonly items: readonly Member[];
  readonly nextCursor?: string | undefined;
}

export const memberPageSchema: z.ZodType<MemberPage> = z
  .object({ items: z.array(memberSchema), nextCursor: z.string().optional() })
  .meta({ id: 'MemberPage' });
