/** The guard of a standby site: watches the active site, and makes its own the active one. */
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import { systemClock } from '../adapters/clock.ts';
import { sendUpdate } from '../adapters/dns/send-update.ts';
import { openPool, type PostgresPool } from '../adapters/sql/postgres-connection.ts';
import { createLogger } from '../adapters/telemetry/logger.ts';
import type { Logger } from '../application/ports.ts';
import { type SwitchReport, type SwitchSteps, switchSite, untilGone } from '../application/switch-site.ts';
import type { Config } from '../config/load.ts';
import { variableOf } from '../config/schema.ts';
import { StartupError } from '../config/startup-error.ts';
import { contentHash } from '../domain/ids.ts';
import { openPictures } from './open-pictures.ts';
import { runCommand } from './run-command.ts';
import { untilToldToStop } from './shutdown.ts';

export interface StandbyReport extends SwitchReport {
  /** From the first answer that failed to the decision; 0 for a drill. */
  readonly detectSeconds: number;
  /** Of the latest pictures on record: how many were looked for, and which the standby site does not have. */
  readonly pictures: { readonly checked: number; readonly missing: readonly string[] } | undefined;
}

/**
 * Watches the active site until it is gone, and then switches; a switch that fails is tried again. With `isDrill` it
 * switches at once, and once.
 *
 * @returns undefined when it was told to stop before
 * @throws StartupError `settings_invalid`, `standby_unusable`
 */
export async function standBy(
  config: Config,
  { isDrill }: { readonly isDrill: boolean },
): Promise<StandbyReport | undefined> {
  const log = createLogger({
    level: config.logLevel,
    stream: process.stderr,
    isForPeople: process.stderr.isTTY === true,
  });
  const { activeUrl, standbyUrl, databaseUrl } = required(config);
  const pool = openPool({ url: databaseUrl, name: 'imagemill standby', durability: 'full' }, 1);
  const stopping = new AbortController();
  const told = untilToldToStop({ withParent: false }).then(() => stopping.abort());
  try {
    const steps = stepsOf(config, { pool, standbyUrl, signal: stopping.signal });
    await requireReplica(config, pool);
    const detectSeconds = isDrill ? 0 : await detect(config, activeUrl, { log, signal: stopping.signal });
    if (detectSeconds === undefined) return undefined;
    for (;;) {
      const report = await switchSite(steps, { clock: systemClock, log });
      if (report.failed === undefined || isDrill || stopping.signal.aborted) {
        const pictures = report.failed === undefined ? await checkPictures(config, pool) : undefined;
        return { ...report, detectSeconds, pictures };
      }
      log.error(report.failed, 'the switch failed and is tried again');
      await Promise.race([pause(RETRY_MS), told]);
    }
  } finally {
    await pool.close();
  }
}

/** Seconds from the first failure to the decision; undefined when it was told to stop. */
async function detect(
  config: Config,
  activeUrl: string,
  { log, signal }: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<number | undefined> {
  const intervalMs = config.standbyIntervalSeconds * 1_000;
  let wellAt = systemClock.now();
  log.info({ activeUrl }, 'watching the active site');
  const look = async (): Promise<boolean> => {
    const at = systemClock.now();
    const isWell = await isReady(activeUrl, Math.max(1_000, intervalMs));
    if (isWell) wellAt = at;
    return isWell;
  };
  const isGone = await untilGone(look, {
    failures: config.standbyFailures,
    intervalMs,
    clock: systemClock,
    log,
    signal,
  });
  return isGone ? (systemClock.now() - wellAt) / 1_000 : undefined;
}

function stepsOf(
  config: Config,
  { pool, standbyUrl, signal }: { pool: PostgresPool; standbyUrl: string; signal: AbortSignal },
): SwitchSteps {
  const { standbyFenceCommand, standbyPromoteCommand, standbyStartCommand } = config;
  const lead = leader(config);
  return {
    fence: () => runCommand(standbyFenceCommand ?? 'false'),
    promote: () => (standbyPromoteCommand === undefined ? promote(pool) : runCommand(standbyPromoteCommand)),
    start: async () => {
      if (standbyStartCommand !== undefined) await runCommand(standbyStartCommand);
    },
    async ready() {
      const until = systemClock.now() + READY_MS;
      while (!(await isReady(standbyUrl, 2_000))) {
        if (systemClock.now() > until || signal.aborted) throw new Error(`${standbyUrl} does not get ready`);
        await pause(200);
      }
    },
    lead,
  };
}

async function promote({ queries }: PostgresPool): Promise<void> {
  if (!(await isReplica(queries))) return;
  const { rows } = await sql<{ done: boolean }>`select pg_promote(true, 60) as done`.execute(queries);
  if (rows[0]?.done !== true) throw new Error('the database was not promoted within 60 seconds');
}

async function isReplica(queries: PostgresPool['queries']): Promise<boolean> {
  const { rows } = await sql<{ is: boolean }>`select pg_is_in_recovery() as is`.execute(queries);
  return rows[0]?.is === true;
}

/** A database that is writable already could be that of the active site. @throws StartupError `standby_unusable` */
async function requireReplica({ standbyPromoteCommand }: Config, { queries }: PostgresPool): Promise<void> {
  if (standbyPromoteCommand !== undefined) return;
  let problem = 'is writable already: it is no replica, or was promoted before';
  try {
    if (await isReplica(queries)) return;
  } catch (error) {
    problem = `cannot be asked: ${(error as Error).message}`;
  }
  const message = `The database of the standby site ${problem}. ${variableOf('databaseUrl')} must name a streaming replica, or ${variableOf('standbyPromoteCommand')} say how it becomes writable.`;
  throw new StartupError('standby_unusable', message);
}

function leader(config: Config): () => Promise<void> {
  const { standbySwitchCommand: command, standbyDnsServer: server } = config;
  if (command !== undefined) return () => runCommand(command);
  const {
    standbyDnsZone: zone,
    standbyDnsName: name,
    standbyDnsKeyName: keyName,
    standbyDnsKeySecret: secret,
  } = config;
  const { standbyDnsAddresses: addresses, standbyDnsTtlSeconds: ttlSeconds } = config;
  if (!server || !zone || !name || !keyName || !secret || addresses.length === 0) {
    const message = `Set ${variableOf('standbySwitchCommand')}, or all of ${dnsSettings.map(variableOf).join(', ')}.`;
    throw new StartupError('settings_invalid', message);
  }
  const { hostname, port } = new URL(`dns://${server}`);
  const host = hostname.replace(/^\[|\]$/g, '');
  const where = { host, port: port === '' ? 53 : Number(port) };
  return () => sendUpdate(where, { zone, name, addresses, ttlSeconds }, { name: keyName, secret });
}

async function isReady(url: string, timeoutMs: number): Promise<boolean> {
  try {
    const answer = await fetch(new URL('/health/ready', url), { signal: AbortSignal.timeout(timeoutMs) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

/** Whether the standby site has the pictures of the latest records. */
async function checkPictures(config: Config, { queries }: PostgresPool): Promise<StandbyReport['pictures']> {
  const pictures = await openPictures(config);
  const rows = await queries.selectFrom('assets').select('sha256').orderBy('id', 'desc').limit(LATEST).execute();
  const missing: string[] = [];
  for (const { sha256 } of rows) {
    const stream = await pictures.open(contentHash(sha256), { start: 0, end: 0 });
    if (stream === undefined) missing.push(sha256);
    stream?.destroy();
  }
  return { checked: rows.length, missing };
}

/** @throws StartupError `settings_invalid` */
function required(config: Config) {
  const { standbyActiveUrl: activeUrl, standbyUrl, databaseUrl, standbyFenceCommand } = config;
  if (
    activeUrl !== undefined &&
    standbyUrl !== undefined &&
    databaseUrl !== undefined &&
    standbyFenceCommand !== undefined
  )
    return { activeUrl, standbyUrl, databaseUrl };
  const message = `A standby site needs ${requiredSettings.map(variableOf).join(', ')}: where the active and the standby site are, its database, and how to make sure that the old site does not go on.`;
  throw new StartupError('settings_invalid', message);
}

const requiredSettings = ['standbyActiveUrl', 'standbyUrl', 'databaseUrl', 'standbyFenceCommand'] as const;
const dnsSettings = [
  ...(['standbyDnsServer', 'standbyDnsZone', 'standbyDnsName'] as const),
  ...(['standbyDnsAddresses', 'standbyDnsKeyName', 'standbyDnsKeySecret'] as const),
];
const RETRY_MS = 2_000;
/** Longest time that the processes of the standby site may take. */
const READY_MS = 120_000;
/** Pictures that are looked for. */
const LATEST = 200;
