import type { WebhookId } from '../domain/ids.ts';
import { type Delivery, type DeliveryAttempt, judge, secretsAt, type Webhook } from '../domain/webhook.ts';
import type { Clock, Logger, Store } from './ports.ts';
import type { WebhookSender } from './webhook-ports.ts';

export interface DeliverWebhooksPorts {
  readonly store: Store;
  readonly sender: WebhookSender;
  readonly clock: Clock;
  readonly log: Logger;
  /** Pause after each failed attempt of a message; one more failure gives it up. */
  readonly pausesMs: readonly number[];
}

/**
 * Sends what is due, at least once each: an attempt whose result could not be written down is made again, under the
 * same id. One endpoint never has more than a few messages under way, so a slow one does not hold up the others.
 */
export class WebhookDeliverer {
  readonly #ports: DeliverWebhooksPorts;
  readonly #underWay = new Map<WebhookId, number>();
  readonly #sending = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #isLooking = false;
  #isWoken = false;
  #callOff: () => void = () => undefined;

  constructor(ports: DeliverWebhooksPorts) {
    this.#ports = ports;
    this.wake();
  }

  /** Looks for due deliveries now. */
  wake(): void {
    this.#isWoken = true;
    if (!this.#isLooking && !this.#stop.signal.aborted) void this.#look();
  }

  /** Breaks off what is under way; it is sent again after the next start. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#callOff();
    while (this.#isLooking || this.#sending.size > 0) {
      await Promise.allSettled(this.#sending);
      await new Promise<void>((resolve) => this.#ports.clock.after(1, resolve));
    }
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    this.#callOff();
    try {
      while (this.#isWoken && !this.#stop.signal.aborted) {
        this.#isWoken = false;
        for (const delivery of await this.#claim()) this.#begin(delivery);
      }
    } catch (err) {
      this.#ports.log.warn({ err }, 'looking for due webhooks failed');
    }
    this.#isLooking = false;
    if (!this.#stop.signal.aborted) this.#callOff = this.#ports.clock.after(POLL_MS, () => this.wake());
  }

  async #claim(): Promise<readonly Delivery[]> {
    const { store, clock } = this.#ports;
    const limit = MAX_UNDER_WAY - this.#sending.size;
    if (limit <= 0) return [];
    const except = [...this.#underWay].flatMap(([id, count]) => (count >= MAX_PER_ENDPOINT ? [id] : []));
    const now = clock.now();
    // Most events concern no endpoint: a look costs less than a transaction.
    if (!(await store.webhooks.hasDue(now))) return [];
    return store.transact(({ webhooks }) => webhooks.claim({ now, until: now + LEASE_MS, limit, except }));
  }

  #begin(delivery: Delivery): void {
    const { webhookId } = delivery;
    this.#underWay.set(webhookId, (this.#underWay.get(webhookId) ?? 0) + 1);
    const work = this.#deliver(delivery)
      .catch((err: unknown) => this.#ports.log.warn({ err, delivery: delivery.id }, 'a webhook was not settled'))
      .finally(() => {
        const left = (this.#underWay.get(webhookId) ?? 1) - 1;
        if (left === 0) this.#underWay.delete(webhookId);
        else this.#underWay.set(webhookId, left);
        this.#sending.delete(work);
        this.wake();
      });
    this.#sending.add(work);
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const { store, sender, clock } = this.#ports;
    const webhook = await store.webhooks.find(delivery.tenantId, delivery.webhookId);
    if (webhook === undefined || webhook.disabled !== undefined) return;
    const at = clock.now();
    const { id, payload } = delivery;
    const message = { url: webhook.url, id, payload, secrets: secretsAt(webhook, at), now: at };
    const outcome = await sender.send(message, this.#stop.signal);
    if (this.#stop.signal.aborted && outcome.problem !== undefined) return;
    await this.#settle(delivery, { ...outcome, at, durationMs: clock.now() - at });
  }

  async #settle(delivery: Delivery, attempt: DeliveryAttempt): Promise<void> {
    const { store, log, pausesMs } = this.#ports;
    const disabled = await store.transact(async ({ webhooks }): Promise<Webhook | undefined> => {
      const webhook = await webhooks.find(delivery.tenantId, delivery.webhookId);
      if (webhook === undefined) return undefined;
      const failingSince = attempt.problem === undefined ? undefined : (webhook.failingSince ?? attempt.at);
      const { disableReason, ...next } = judge(delivery, attempt, { pausesMs, failingSince });
      await webhooks.settle(delivery, attempt, next);
      const isNew = disableReason !== undefined && webhook.disabled === undefined;
      const disabled = isNew ? { at: next.nextAt, reason: disableReason } : webhook.disabled;
      if (isNew || failingSince !== webhook.failingSince) await webhooks.save({ ...webhook, failingSince, disabled });
      return isNew ? { ...webhook, disabled } : undefined;
    });
    if (disabled === undefined) return;
    const { id, tenantId, url } = disabled;
    log.warn({ webhook: id, tenantId, host: new URL(url).host }, 'a webhook was disabled after long failure');
  }
}

const POLL_MS = 1_000;
/** Longer than any attempt may take. */
const LEASE_MS = 60_000;
const MAX_UNDER_WAY = 32;
const MAX_PER_ENDPOINT = 4;
