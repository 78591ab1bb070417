/**
 * What webhooks need from outside.
 *
 * - *outbox*: deliveries are rows that are written with the event, so none is lost and none is sent of what was undone.
 * - *claim*: moves the next attempt of due deliveries into the future, so that one process alone sends each, and
 *   another one does when that process is gone.
 * - *sender*: signs a message and hands it over, past a guard against addresses inside the network.
 */

import type { TenantId, WebhookId } from '../domain/ids.ts';
import type { Delivery, DeliveryAttempt, DeliveryState, Webhook } from '../domain/webhook.ts';

export interface DeliveryQuery {
  readonly tenantId: TenantId;
  readonly webhookId: WebhookId;
  readonly limit: number;
  /** Only those older than this one. */
  readonly after?: string | undefined;
  readonly state?: DeliveryState | undefined;
}

export interface DeliveryRecord {
  readonly delivery: Delivery;
  /** Oldest first. */
  readonly log: readonly DeliveryAttempt[];
}

export interface WebhookReader {
  /** Whether a claim could find something. */
  hasDue(now: number): Promise<boolean>;
  list(tenantId: TenantId): Promise<readonly Webhook[]>;
  find(tenantId: TenantId, id: WebhookId): Promise<Webhook | undefined>;
  /** Newest first. */
  deliveries(query: DeliveryQuery): Promise<readonly DeliveryRecord[]>;
  findDelivery(tenantId: TenantId, webhook: WebhookId, id: string): Promise<DeliveryRecord | undefined>;
}

export interface WebhookTransaction extends WebhookReader {
  save(webhook: Webhook): Promise<void>;
  /** With its deliveries. */
  remove(tenantId: TenantId, id: WebhookId): Promise<boolean>;
  addDelivery(delivery: Delivery): Promise<void>;
  /** Due deliveries of enabled endpoints, their next attempt put off to the time named. */
  claim(query: ClaimDeliveries): Promise<readonly Delivery[]>;
  /** Writes an attempt to the log and what follows from it to the delivery. */
  settle(delivery: Delivery, attempt: DeliveryAttempt, next: Pick<Delivery, 'state' | 'nextAt'>): Promise<void>;
  /** Makes a delivery due again, whatever became of it. */
  replay(id: string, now: number): Promise<void>;
  /** Removes some of the deliveries that ended before the time; gives how many. */
  forget(query: { readonly before: number; readonly limit: number }): Promise<number>;
}

export interface ClaimDeliveries {
  readonly now: number;
  readonly until: number;
  readonly limit: number;
  /** Endpoints that have enough under way. */
  readonly except: readonly WebhookId[];
}

export interface WebhookMessage {
  readonly url: string;
  /** `webhook-id` */
  readonly id: string;
  readonly payload: string;
  /** Each signs. */
  readonly secrets: readonly string[];
  readonly now: number;
}

export interface WebhookSender {
  /** Never throws: what went wrong is part of the attempt. */
  send(message: WebhookMessage, signal: AbortSignal): Promise<Omit<DeliveryAttempt, 'at' | 'durationMs'>>;
  /** Why the address cannot be an endpoint; undefined when it may be. Names are looked up again at every attempt. */
  problemOf(url: string): string | undefined;
}
