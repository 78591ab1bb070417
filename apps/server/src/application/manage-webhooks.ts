import { differences } from '../domain/access/audit.ts';
import { AppError } from '../domain/errors.ts';
import { type TenantId, type WebhookId, webhookId } from '../domain/ids.ts';
import { type Delivery, type EventPattern, MAX_WEBHOOKS, type Webhook } from '../domain/webhook.ts';
import type { Secrets } from './access-ports.ts';
import type { Clock, IdSource, Store, StoreTransaction } from './ports.ts';
import type { DeliveryQuery, DeliveryRecord, WebhookSender } from './webhook-ports.ts';
import { type Act, writeAudit } from './write-audit.ts';

export interface ManageWebhooksPorts {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly sender: Pick<WebhookSender, 'problemOf'>;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Tells the deliverer that something is due. */
  readonly wake: () => void;
}

export interface WebhookSettings {
  readonly url: string;
  readonly description: string;
  readonly events: readonly EventPattern[];
}

export interface WebhookChange {
  readonly url?: string | undefined;
  readonly description?: string | undefined;
  readonly events?: readonly EventPattern[] | undefined;
  readonly enabled?: boolean | undefined;
}

export interface WebhookOf {
  readonly tenantId: TenantId;
  readonly id: WebhookId;
}

/** Endpoints of the caller's own tenant. Every act is in the audit log, in the same transaction, without secrets. */
export interface ManageWebhooks {
  /** @throws AppError `validation_failed` for an address inside the network, `webhook_limit_reached` */
  create(act: Act, settings: WebhookSettings): Promise<Webhook>;
  list(tenantId: TenantId): Promise<readonly Webhook[]>;
  /** @throws AppError `webhook_not_found`, as all that follow */
  get(which: WebhookOf): Promise<Webhook>;
  change(act: Act, id: WebhookId, change: WebhookChange): Promise<Webhook>;
  remove(act: Act, id: WebhookId): Promise<void>;
  /** A new secret; the old one signs too for a while longer. */
  rotate(act: Act, id: WebhookId, overlapMs: number): Promise<Webhook>;
  /** Sends a message of the type `webhook.test`. */
  test(act: Act, id: WebhookId): Promise<Delivery>;
  deliveries(query: DeliveryQuery): Promise<readonly DeliveryRecord[]>;
  /** Sends it again, under the same id. @throws AppError `delivery_not_found` */
  replay(act: Act, id: WebhookId, delivery: string): Promise<DeliveryRecord>;
}

export function createManageWebhooks(ports: ManageWebhooksPorts): ManageWebhooks {
  return { ...endpoints(ports), ...sentMessages(ports) };
}

type MessageMethods = 'test' | 'deliveries' | 'replay';

function endpoints(ports: ManageWebhooksPorts): Omit<ManageWebhooks, MessageMethods> {
  const { store, clock, wake } = ports;
  return {
    create: (act, settings) => create(ports, act, settings),
    list: (tenantId) => store.webhooks.list(tenantId),
    get: async ({ tenantId, id }) => found(await store.webhooks.find(tenantId, id), id),
    async change(act, id, { enabled, ...settings }) {
      if (settings.url !== undefined) requireUrl(ports, settings.url);
      const changed = await change(ports, act, id, 'webhook.changed', (webhook) => {
        const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
        const next: Webhook = { ...webhook, ...given };
        if (enabled === true) return { ...next, disabled: undefined, failingSince: undefined };
        if (enabled === false && webhook.disabled === undefined) {
          return { ...next, disabled: { at: clock.now(), reason: 'Disabled by hand.' } };
        }
        return next;
      });
      wake();
      return changed;
    },
    async remove(act, id) {
      const { tenantId } = act.caller;
      await store.transact(async (transaction) => {
        const webhook = found(await transaction.webhooks.find(tenantId, id), id);
        await transaction.webhooks.remove(tenantId, id);
        const deed = { action: 'webhook.deleted', target: id, tenantId, before: publicFacts(webhook) };
        await writeAudit(transaction.access, ports, act, deed);
      });
    },
    rotate: (act, id, overlapMs) =>
      change(ports, act, id, 'webhook.secret_rotated', (webhook) => ({
        ...webhook,
        secret: newSecret(ports),
        oldSecret: { secret: webhook.secret, expiresAt: clock.now() + overlapMs },
      })),
  };
}

function sentMessages(ports: ManageWebhooksPorts): Pick<ManageWebhooks, MessageMethods> {
  const { store, clock, ids, wake } = ports;
  return {
    async test(act, id) {
      const now = clock.now();
      const { tenantId } = act.caller;
      const eventType = 'webhook.test';
      const payload = JSON.stringify({
        type: eventType,
        timestamp: new Date(now).toISOString(),
        data: { webhookId: id },
      });
      const delivery: Delivery = {
        ...{ id: `msg_${ids.next()}`, tenantId, webhookId: id, eventType, payload, createdAt: now },
        ...{ state: 'pending', attempts: 0, nextAt: now },
      };
      await change(ports, act, id, 'webhook.tested', async (webhook, transaction) => {
        await transaction.webhooks.addDelivery(delivery);
        return webhook;
      });
      wake();
      return delivery;
    },
    deliveries: async (query) => {
      found(await store.webhooks.find(query.tenantId, query.webhookId), query.webhookId);
      return store.webhooks.deliveries(query);
    },
    async replay(act, id, delivery) {
      const { tenantId } = act.caller;
      const record = await store.transact(async (transaction) => {
        foundDelivery(await transaction.webhooks.findDelivery(tenantId, id, delivery), delivery);
        await transaction.webhooks.replay(delivery, clock.now());
        const deed = { action: 'webhook.delivery_replayed', target: delivery, tenantId };
        await writeAudit(transaction.access, ports, act, deed);
        return foundDelivery(await transaction.webhooks.findDelivery(tenantId, id, delivery), delivery);
      });
      wake();
      return record;
    },
  };
}

async function create(ports: ManageWebhooksPorts, act: Act, settings: WebhookSettings): Promise<Webhook> {
  const { store, clock, ids } = ports;
  requireUrl(ports, settings.url);
  const { tenantId } = act.caller;
  const webhook: Webhook = {
    ...settings,
    id: webhookId(ids.next()),
    tenantId,
    secret: newSecret(ports),
    oldSecret: undefined,
    createdAt: clock.now(),
    disabled: undefined,
    failingSince: undefined,
  };
  await store.transact(async (transaction) => {
    await requirePlace(transaction, tenantId);
    await transaction.webhooks.save(webhook);
    const deed = { action: 'webhook.created', target: webhook.id, tenantId, after: publicFacts(webhook) };
    await writeAudit(transaction.access, ports, act, deed);
  });
  return webhook;
}

/** Reads an endpoint of the caller's tenant, changes it and writes down what was done. */
function change(
  ports: ManageWebhooksPorts,
  act: Act,
  id: WebhookId,
  action: string,
  how: (webhook: Webhook, transaction: StoreTransaction) => Webhook | Promise<Webhook>,
): Promise<Webhook> {
  const { tenantId } = act.caller;
  return ports.store.transact(async (transaction) => {
    const before = found(await transaction.webhooks.find(tenantId, id), id);
    const after = await how(before, transaction);
    if (after !== before) await transaction.webhooks.save(after);
    const changes = differences(publicFacts(before), publicFacts(after));
    await writeAudit(transaction.access, ports, act, { action, target: id, tenantId, ...changes });
    return after;
  });
}

function newSecret({ secrets }: ManageWebhooksPorts): string {
  return `whsec_${secrets.random(SECRET_LENGTH, BASE64)}`;
}

/** What may be shown of an endpoint, also in the audit log. */
function publicFacts({ secret: _secret, oldSecret: _old, failingSince: _since, ...facts }: Webhook) {
  return facts;
}

function found(webhook: Webhook | undefined, id: string): Webhook {
  if (webhook !== undefined) return webhook;
  throw new AppError('webhook_not_found', `There is no webhook ${JSON.stringify(id)}.`, { details: { id } });
}

function foundDelivery(record: DeliveryRecord | undefined, id: string): DeliveryRecord {
  if (record !== undefined) return record;
  throw new AppError('delivery_not_found', `There is no delivery ${JSON.stringify(id)}.`, { details: { id } });
}

function requireUrl({ sender }: ManageWebhooksPorts, url: string): void {
  const problem = sender.problemOf(url);
  if (problem === undefined) return;
  const expected = 'an https URL outside the network of the server, or one of a host in webhookAllowedHosts';
  const field = { field: 'url', code: 'invalid_value' as const, message: problem, got: url.slice(0, 120), expected };
  throw new AppError('validation_failed', problem, { fields: [field] });
}

async function requirePlace({ webhooks }: StoreTransaction, tenantId: TenantId): Promise<void> {
  if ((await webhooks.list(tenantId)).length < MAX_WEBHOOKS) return;
  const message = `The tenant has ${MAX_WEBHOOKS} webhooks already, which is the most.`;
  throw new AppError('webhook_limit_reached', message, { details: { limit: MAX_WEBHOOKS } });
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** 33 bytes; a multiple of four letters needs no padding. */
const SECRET_LENGTH = 44;
