import { z } from 'zod';
import { DEFAULT_PAGE_SIZE, LIMITS } from './limits.ts';
import { idSchema, timestampSchema } from './primitives.ts';

/** What an endpoint can ask for: one kind of event, or all that begin alike. */
export const webhookEvents = [
  'generation.*',
  'generation.finished',
  'job.*',
  'job.queued',
  'job.started',
  'job.succeeded',
  'job.failed',
  'job.cancelled',
  'batch.*',
  'batch.completed',
  'batch.failed',
  'batch.expired',
  'batch.cancelled',
  'budget.*',
  'budget.soft_reached',
] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

const url = z.string().min(1).max(2_000).meta({ description: 'https URL outside the network of the server' });
const description = z.string().max(500).meta({ description: 'For people' });
const events = z.array(z.enum(webhookEvents)).min(1).max(webhookEvents.length);

/** Body of `POST /v1/webhooks`. */
export interface WebhookRequest {
  readonly url: string;
  readonly description: string;
  /** @default ['generation.*', 'job.*', 'batch.*'] */
  readonly events: readonly WebhookEvent[];
}

export const webhookRequestSchema: z.ZodType<WebhookRequest, unknown> = z
  .strictObject({
    url,
    description: description.default(''),
    events: events.default(['generation.*', 'job.*', 'batch.*']),
  })
  .meta({ id: 'WebhookRequest' });

/** Body of `PATCH /v1/webhooks/:id`. */
export interface WebhookChangeRequest {
  readonly url?: string | undefined;
  readonly description?: string | undefined;
  readonly events?: readonly WebhookEvent[] | undefined;
  /** `true` also forgets past failures; what waits is sent then. */
  readonly enabled?: boolean | undefined;
}

export const webhookChangeSchema: z.ZodType<WebhookChangeRequest> = z
  .strictObject({
    url: url.optional(),
    description: description.optional(),
    events: events.optional(),
    enabled: z.boolean().optional(),
  })
  .meta({ id: 'WebhookChange' });

/** An endpoint; the secret is in the answers that make it and in no other. */
export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly description: string;
  readonly events: readonly WebhookEvent[];
  readonly enabled: boolean;
  readonly createdAt: string;
  readonly disabledAt?: string | undefined;
  readonly disabledReason?: string | undefined;
  readonly failingSince?: string | undefined;
  /** Until when the secret before the last rotation signs too. */
  readonly oldSecretExpiresAt?: string | undefined;
}

const webhookFields = {
  id: idSchema,
  url: z.string(),
  description: z.string(),
  events: z.array(z.enum(webhookEvents)),
  enabled: z.boolean(),
  createdAt: timestampSchema,
  disabledAt: timestampSchema.optional(),
  disabledReason: z.string().optional(),
  failingSince: timestampSchema.optional(),
  oldSecretExpiresAt: timestampSchema.optional(),
};

export const webhookSchema: z.ZodType<Webhook> = z.object(webhookFields).meta({ id: 'Webhook' });

export interface WebhookWithSecret extends Webhook {
  /** `whsec_` and base64; shown this once. */
  readonly secret: string;
}

export const webhookWithSecretSchema: z.ZodType<WebhookWithSecret> = z
  .object({ ...webhookFields, secret: z.string() })
  .meta({ id: 'WebhookWithSecret' });

export interface WebhookList {
  readonly items: readonly Webhook[];
}

export const webhookListSchema: z.ZodType<WebhookList> = z
  .object({ items: z.array(webhookSchema) })
  .meta({ id: 'WebhookList' });

/** Body of `POST /v1/webhooks/:id/rotate-secret`. */
export interface RotateSecretRequest {
  /** How long the old secret signs too, 0 to 168. @default 24 */
  readonly overlapHours: number;
}

export const rotateSecretSchema: z.ZodType<RotateSecretRequest, unknown> = z
  .strictObject({ overlapHours: z.number().min(0).max(168).default(24) })
  .meta({ id: 'RotateSecretRequest' });

export const deliveryStates = ['pending', 'delivered', 'failed'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** One event for one endpoint, with its attempts, oldest first. */
export interface WebhookDelivery {
  /** Also the `webhook-id` header. */
  readonly id: string;
  readonly webhookId: string;
  readonly eventType: string;
  readonly state: DeliveryState;
  readonly createdAt: string;
  /** While it is pending. */
  readonly nextAttemptAt?: string | undefined;
  /** The message, JSON. */
  readonly payload: string;
  readonly attempts: readonly {
    readonly at: string;
    readonly durationMs: number;
    readonly status?: number | undefined;
    readonly problem?: string | undefined;
    /** Beginning of the answer. */
    readonly response: string;
  }[];
}

export const webhookDeliverySchema: z.ZodType<WebhookDelivery> = z
  .object({
    id: z.string(),
    webhookId: idSchema,
    eventType: z.string(),
    state: z.enum(deliveryStates),
    createdAt: timestampSchema,
    nextAttemptAt: timestampSchema.optional(),
    payload: z.string(),
    attempts: z.array(
      z.object({
        at: timestampSchema,
        durationMs: z.number(),
        status: z.int().optional(),
        problem: z.string().optional(),
        response: z.string(),
      }),
    ),
  })
  .meta({ id: 'WebhookDelivery' });

export interface WebhookDeliveryPage {
  readonly items: readonly WebhookDelivery[];
  /** Absent on the last page. */
  readonly nextCursor?: string | undefined;
}

export const webhookDeliveryPageSchema: z.ZodType<WebhookDeliveryPage> = z
  .object({ items: z.array(webhookDeliverySchema), nextCursor: z.string().optional() })
  .meta({ id: 'WebhookDeliveryPage' });

/** Query of `GET /v1/webhooks/:id/deliveries`. */
export interface ListDeliveriesQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly state?: DeliveryState | undefined;
}

export const listDeliveriesQuerySchema: z.ZodType<ListDeliveriesQuery, unknown> = z.strictObject({
  limit: z.coerce.number().int().min(1).max(LIMITS.pageSize).default(DEFAULT_PAGE_SIZE),
  cursor: z.string().min(1).max(200).optional(),
  state: z.enum(deliveryStates).optional(),
});

export interface DeliveryParams {
  readonly id: string;
  readonly delivery: string;
}

export const deliveryParamsSchema: z.ZodType<DeliveryParams> = z.object({
  id: z.string().max(64),
  delivery: z.string().max(64),
});
