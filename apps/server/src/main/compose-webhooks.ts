/** Wiring of webhooks: the outbox of the store, the sender behind its guard, and what sends. */
import { presentEvent } from '../adapters/http/present.ts';
import { secrets } from '../adapters/secrets.ts';
import type { Outbox } from '../adapters/sql/sql-webhooks.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import { createHttpSender } from '../adapters/webhooks/http-sender.ts';
import type { AssetUrls } from '../application/asset-urls.ts';
import { WebhookDeliverer } from '../application/deliver-webhooks.ts';
import { every } from '../application/every.ts';
import { createManageWebhooks, type ManageWebhooks } from '../application/manage-webhooks.ts';
import type { Clock, IdSource, Logger, Store } from '../application/ports.ts';
import type { Config } from '../config/load.ts';
import { countSent } from './compose-telemetry.ts';
import type { Cluster } from './open-records.ts';

/** Messages have the fields of the event stream; addresses of pictures are whole where a public address is set. */
export function composeOutbox(ids: IdSource, assetUrls: () => AssetUrls): Outbox {
  return {
    nextId: () => ids.next(),
    payloadOf(event) {
      const {
        type,
        at: timestamp,
        ...data
      } = presentEvent(event, { assetUrls: { pathOf: (asset) => assetUrls().urlOf(asset) } });
      return JSON.stringify({ type, timestamp, data });
    },
  };
}

export interface WebhookParts {
  readonly store: Store & { onStored(listener: () => void): () => void };
  readonly cluster: Cluster | undefined;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Logger;
  readonly version: string;
  readonly metrics: Metrics;
}

export function composeWebhooks(
  config: Config,
  { store, cluster, clock, ids, log, version, metrics }: WebhookParts,
  opened: (() => Promise<void> | void)[],
): ManageWebhooks {
  const httpSender = createHttpSender({
    allowedHosts: config.webhookAllowedHosts,
    timeoutMs: TIMEOUT_MS,
    userAgent: `imagemill/${version}`,
  });
  const sender = countSent(httpSender, metrics);
  const pausesMs = config.webhookRetrySeconds.map((seconds) => seconds * 1_000);
  const deliverer = new WebhookDeliverer({ store, sender, clock, log, pausesMs });
  opened.push(() => deliverer.close());
  opened.push(store.onStored(() => deliverer.wake()));
  if (cluster !== undefined) opened.push(cluster.onGap(() => deliverer.wake()));
  const forget = async (): Promise<void> => {
    const before = clock.now() - KEEP_MS;
    await store.transact(({ webhooks }) => webhooks.forget({ before, limit: FORGET_AT_ONCE }));
  };
  opened.push(every(clock, FORGET_MS, forget, (err) => log.warn({ err }, 'forgetting old webhooks failed')));
  return createManageWebhooks({ store, secrets, sender, clock, ids, wake: () => deliverer.wake() });
}

const TIMEOUT_MS = 15_000;
/** Deliveries that ended are kept for 30 days. */
const KEEP_MS = 30 * 86_400_000;
const FORGET_MS = 60_000;
const FORGET_AT_ONCE = 10_000;
