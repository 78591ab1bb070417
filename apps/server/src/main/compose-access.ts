/** Wiring of who may do what: keys, sessions, limits, audit. */
import { systemClock } from '../adapters/clock.ts';
import type { AdministrationPorts } from '../adapters/http/administration.ts';
import type { AuthenticationPorts } from '../adapters/http/authentication.ts';
import type { HttpPorts } from '../adapters/http/ports.ts';
import { createRateLimit } from '../adapters/http/rate-limit.ts';
import { secrets } from '../adapters/secrets.ts';
import { AccessBook } from '../application/access-book.ts';
import type { AccessStore } from '../application/access-ports.ts';
import type { SubjectLimits } from '../application/account-for-jobs.ts';
import type { AssetUrls } from '../application/asset-urls.ts';
import { createAuthenticate } from '../application/authenticate.ts';
import { every } from '../application/every.ts';
import type { ManageKeys } from '../application/manage-keys.ts';
import { createOpenAssetLink } from '../application/open-asset-link.ts';
import type { IdSource, Logger, Store } from '../application/ports.ts';
import { createRefusalLog } from '../application/refusal-log.ts';
import { createTakeRequest } from '../application/request-limits.ts';
import { createSessions } from '../application/sessions.ts';
import { createTakeSignIn } from '../application/sign-in-limit.ts';
import type { Asker } from '../application/submit-generation.ts';
import { type Config, isLoopback } from '../config/load.ts';
import { StartupError } from '../config/startup-error.ts';
import { composeAdministration } from './compose-administration.ts';
import { composeProvider, sessionMs } from './compose-provider.ts';
import { installationRetention } from './compose-retention.ts';

export interface AccessParts {
  readonly book: AccessBook;
  readonly store: AccessStore;
  readonly authentication: AuthenticationPorts;
  readonly manageKeys: ManageKeys;
  readonly administration: AdministrationPorts;
  readonly sessionRoutes: HttpPorts['sessionRoutes'];
  /** Quotas of who asks, as of now. */
  readonly limitsOf: (who: Asker) => Promise<SubjectLimits>;
}

export interface AccessInput {
  readonly store: Store;
  readonly assetUrls: AssetUrls;
  readonly ids: IdSource;
  readonly log: Logger;
}

/** @throws StartupError `host_not_loopback` when others could reach a server that has no key to tell them apart */
export async function composeAccess(
  config: Config,
  { store, assetUrls, ids, log }: AccessInput,
  opened: (() => Promise<void> | void)[],
): Promise<AccessParts> {
  const clock = systemClock;
  await requireKeyForOthers(config, store);
  const book = new AccessBook({ reader: store.access, clock });
  await book.refresh();
  const access: AccessStore = {
    reader: store.access,
    transact: (work) => store.transact((transaction) => work(transaction.access)),
  };
  const changing: AccessStore = {
    reader: access.reader,
    async transact(work) {
      const result = await access.transact(work);
      await book.changed();
      return result;
    },
  };
  const refusals = createRefusalLog({ store: access, clock, ids });
  opened.push(() =>
    refusals.flush().catch((err: unknown) => log.warn({ err }, 'failed sign-ins were not written down')),
  );
  const keepUp = async (): Promise<void> => {
    await book.refresh();
  };
  const onError = (err: unknown): void => log.warn({ err }, 'keeping up with keys and tenants failed');
  opened.push(every(clock, REFRESH_MS, keepUp, onError));
  opened.push(every(clock, FLUSH_MS, () => refusals.flush(), onError));
  const transact = store.transact.bind(store);
  const administration = composeAdministration({
    ...{ store: changing, usage: store.usage, transact, ids },
    ...{ retention: store.retention, retentionRules: installationRetention(config) },
  });
  const authenticate = createAuthenticate({ book, store: access, secrets, clock, log });
  const take = createTakeRequest({ clock });
  return {
    book,
    store: changing,
    manageKeys: administration.manageKeys,
    administration,
    sessionRoutes: {
      sessions: createSessions({ authenticate, store: changing, secrets, clock, sessionMs: sessionMs(config) }),
      takeSignIn: createTakeSignIn({ clock, perMinute: config.signInsPerMinute }),
      provider: composeProvider(config, { store: changing, clock, ids, log }),
    },
    async limitsOf({ tenantId, keyId }) {
      await book.refresh();
      const holder = keyId && (await book.keyHolder(keyId));
      return { tenant: book.tenant(tenantId)?.limits ?? {}, key: holder?.key?.limits };
    },
    authentication: {
      authenticate,
      openAssetLink: createOpenAssetLink({
        ...{ store, assetUrls },
        isDisabled: (tenant) => book.tenant(tenant)?.disabledAt !== undefined,
      }),
      isKeyRequired: isKeyRequired(config),
      sessionCookie: config.publicUrl?.startsWith('https:') ? '__Host-imagemill' : 'imagemill',
      takeRequest: createRateLimit(take),
      onRefused: (refusal, request) => refusals.note(refusal, request),
    },
  };
}

/** A server that other machines can reach always asks for one. */
function isKeyRequired(config: Config): boolean {
  return config.requireKey || !isLoopback(config.host);
}

async function requireKeyForOthers({ host, dataDir }: Config, store: Store): Promise<void> {
  if (isLoopback(host) || (await store.access.hasUsableKey(systemClock.now()))) return;
  const message =
    `The host ${JSON.stringify(host)} can be reached from other machines, and there is no API key yet to tell who calls. ` +
    `Make one with "imagemill keys create --tenant default --role admin --data-dir ${dataDir}" and start again, or listen on 127.0.0.1.`;
  throw new StartupError('host_not_loopback', message, { details: { host } });
}

/** How often tenants are looked up anew when no request does it; their weights and limits hold for workers too. */
const REFRESH_MS = 1_000;
/** Failed authentications are written this often. */
const FLUSH_MS = 60_000;
