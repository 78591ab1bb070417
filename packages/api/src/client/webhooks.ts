import type {
  ListDeliveriesQuery,
  RotateSecretRequest,
  Webhook,
  WebhookChangeRequest,
  WebhookDelivery,
  WebhookDeliveryPage,
  WebhookList,
  WebhookRequest,
  WebhookWithSecret,
} from '../contracts/webhook.ts';
import { type Call, queryString } from './administration.ts';
import type { CallOptions } from './client.ts';

/** Endpoints that are told of events. */
export interface WebhookClient {
  listWebhooks(options?: CallOptions): Promise<WebhookList>;
  /** The answer has the secret, this once. */
  createWebhook(
    request: { readonly url: string } & { readonly [Name in keyof WebhookRequest]?: WebhookRequest[Name] | undefined },
    options?: CallOptions,
  ): Promise<WebhookWithSecret>;
  changeWebhook(id: string, change: WebhookChangeRequest, options?: CallOptions): Promise<Webhook>;
  deleteWebhook(id: string, options?: CallOptions): Promise<void>;
  rotateWebhookSecret(
    id: string,
    request?: Partial<RotateSecretRequest>,
    options?: CallOptions,
  ): Promise<WebhookWithSecret>;
  listWebhookDeliveries(
    id: string,
    query?: Partial<ListDeliveriesQuery>,
    options?: CallOptions,
  ): Promise<WebhookDeliveryPage>;
  /** Sends a message once more. */
  replayWebhookDelivery(id: string, delivery: string, options?: CallOptions): Promise<WebhookDelivery>;
}

export function createWebhookClient(call: Call): WebhookClient {
  const at = (id: string): string => `/v1/webhooks/${encodeURIComponent(id)}`;
  return {
    listWebhooks: (o = {}) => call('GET', '/v1/webhooks', o),
    createWebhook: (body, o = {}) => call('POST', '/v1/webhooks', { ...o, body }),
    changeWebhook: (id, body, o = {}) => call('PATCH', at(id), { ...o, body }),
    deleteWebhook: (id, o = {}) => call('DELETE', at(id), o),
    rotateWebhookSecret: (id, body = {}, o = {}) => call('POST', `${at(id)}/rotate-secret`, { ...o, body }),
    listWebhookDeliveries: (id, query = {}, o = {}) => call('GET', `${at(id)}/deliveries${queryString(query)}`, o),
    replayWebhookDelivery: (id, delivery, o = {}) =>
      call('POST', `${at(id)}/deliveries/${encodeURIComponent(delivery)}/replay`, o),
  };
}
