import type { Order, OrderEnd, OrderState } from '../domain/order.ts';
import { type Delivery, type Webhook, type WebhookEventType, wants } from '../domain/webhook.ts';
import type { OrderChanges } from './order-ports.ts';
import type { Clock, IdSource, StoreTransaction } from './ports.ts';

export interface EndOrderPorts {
  readonly clock: Clock;
  readonly ids: IdSource;
}

/** The last step of an order. */
export interface OrderEnding {
  readonly from: OrderState;
  readonly to: OrderEnd | 'failed';
  readonly changes?: OrderChanges | undefined;
}

/** Ends an order and tells the endpoints of its tenant that want it; false when its state is another by now. */
export async function endOrder(
  { orders, webhooks }: Pick<StoreTransaction, 'orders' | 'webhooks'>,
  order: Pick<Order, 'id' | 'tenantId'>,
  { from, to, changes }: OrderEnding,
  { clock, ids }: EndOrderPorts,
): Promise<boolean> {
  const now = clock.now();
  if (!(await orders.move(order.id, from, to, now, changes))) return false;
  const eventType = `batch.${to}` as const;
  const payload = payloadOf(order, eventType, { id: `evt_${ids.next()}`, at: now });
  for (const webhook of await webhooks.list(order.tenantId)) {
    if (webhook.disabled !== undefined || !wants(webhook, eventType)) continue;
    await webhooks.addDelivery(deliveryTo(webhook, { eventType, payload, id: `msg_${ids.next()}`, at: now }));
  }
  return true;
}

/** The event as OpenAI's clients read it, and the time as all our messages have it. */
function payloadOf({ id }: Pick<Order, 'id'>, type: WebhookEventType, event: { id: string; at: number }): string {
  return JSON.stringify({
    object: 'event',
    id: event.id,
    type,
    created_at: Math.floor(event.at / 1_000),
    timestamp: new Date(event.at).toISOString(),
    data: { id },
  });
}

function deliveryTo(
  { id: webhookId, tenantId }: Webhook,
  { id, at, eventType, payload }: Pick<Delivery, 'id' | 'eventType' | 'payload'> & { readonly at: number },
): Delivery {
  const base = { id, tenantId, webhookId, eventType, payload, createdAt: at };
  return { ...base, state: 'pending', attempts: 0, nextAt: at };
}
