import type { StoredEvent } from './event.ts';
import type { TenantId, WebhookId } from './ids.ts';
import type { OrderEnd } from './order.ts';

/**
 * A change of a job or a generation, the end of an order under the name that OpenAI's clients know, or that the tenant
 * has spent its soft budget.
 */
export type WebhookEventType = StoredEvent['type'] | `batch.${OrderEnd | 'failed'}` | 'budget.soft_reached';

/** What an endpoint may ask for: one kind of event, or all that begin alike. */
export type EventPattern = WebhookEventType | 'job.*' | 'generation.*' | 'batch.*' | 'budget.*';

/** A place outside that is told of events of its tenant. */
export interface Webhook {
  readonly id: WebhookId;
  readonly tenantId: TenantId;
  readonly url: string;
  /** For people. */
  readonly description: string;
  readonly events: readonly EventPattern[];
  /** Signs every message: `whsec_` and base64. It has to be at hand for each, so it is not hashed. */
  readonly secret: string;
  /** The secret before the last rotation; signs too until its time is over. */
  readonly oldSecret: { readonly secret: string; readonly expiresAt: number } | undefined;
  readonly createdAt: number;
  /** Since when nothing is sent, and why: by hand, or after long failure. */
  readonly disabled: { readonly at: number; readonly reason: string } | undefined;
  /** Since when every attempt has failed. */
  readonly failingSince: number | undefined;
}

export type DeliveryState = 'pending' | 'delivered' | 'failed';

/** One event for one endpoint; stored in the transaction that stores the event. */
export interface Delivery {
  /** Also the `webhook-id` of every attempt, so that a receiver knows a repeat. */
  readonly id: string;
  readonly tenantId: TenantId;
  readonly webhookId: WebhookId;
  readonly eventType: string;
  /** The message as it is sent. */
  readonly payload: string;
  readonly createdAt: number;
  readonly state: DeliveryState;
  readonly attempts: number;
  /** When it is tried next; in the future while an attempt is under way. */
  readonly nextAt: number;
}

/** What became of one attempt. */
export interface DeliveryAttempt {
  readonly at: number;
  readonly durationMs: number;
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;
  /** What was wrong; undefined when it was delivered. */
  readonly problem: string | undefined;
  /** Beginning of the answer. */
  readonly response: string;
}

/** Endpoints of one tenant. */
export const MAX_WEBHOOKS = 20;

export function wants({ events }: Pick<Webhook, 'events'>, type: WebhookEventType): boolean {
  return events.some(
    (pattern) => pattern === type || (pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1))),
  );
}

/** Secrets that sign at a time, the newest first. */
export function secretsAt({ secret, oldSecret }: Webhook, now: number): readonly string[] {
  return oldSecret !== undefined && oldSecret.expiresAt > now ? [secret, oldSecret.secret] : [secret];
}

/** What follows from an attempt. */
export interface Verdict {
  readonly state: DeliveryState;
  readonly nextAt: number;
  /** Why the endpoint gets nothing more until somebody enables it again; undefined when it goes on. */
  readonly disableReason: string | undefined;
}

/**
 * Delivered, tried again after the next pause, or given up. An endpoint is disabled when it says that it is gone (410),
 * or when a message was given up and none got through since that one was first tried.
 *
 * @param pausesMs pause after each failed attempt; one more failure gives up
 */
export function judge(
  delivery: Pick<Delivery, 'attempts' | 'createdAt'>,
  attempt: DeliveryAttempt,
  { pausesMs, failingSince }: { readonly pausesMs: readonly number[]; readonly failingSince: number | undefined },
): Verdict {
  const now = attempt.at + attempt.durationMs;
  if (attempt.problem === undefined) return { state: 'delivered', nextAt: now, disableReason: undefined };
  if (attempt.status === 410) {
    return { state: 'failed', nextAt: now, disableReason: 'The endpoint answered 410 Gone.' };
  }
  const pause = pausesMs[delivery.attempts];
  if (pause !== undefined) return { state: 'pending', nextAt: now + pause, disableReason: undefined };
  const isDead = failingSince !== undefined && failingSince <= delivery.createdAt + DEAD_SLACK_MS;
  const reason = `${delivery.attempts + 1} attempts failed, and none to this endpoint succeeded meanwhile: ${attempt.problem}`;
  return { state: 'failed', nextAt: now, disableReason: isDead ? reason : undefined };
}

/** The first attempt follows the event within moments. */
const DEAD_SLACK_MS = 60_000;
