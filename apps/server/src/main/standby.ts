/** The guard of a standby site: watches the active site, and makes its own the active one. */
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import { systemClock } from '../adapters/clock.ts';
import { sendUpdate } from '../adapters/dns/send-update.ts';
import { createIdSource } from '../adapters/id-source.ts';
import { openPool, type PostgresPool } from '../adapters/sql/postgres-connection.ts';
import { type LastWritten, type SiteGuard, takeOver } from '../adapters/sql/site-guard.ts';
import { createLogger } from '../adapters/telemetry/logger.ts';
import type { Logger } from '../application/ports.ts';
import { type SwitchReport, type SwitchSteps, switchSite, untilGone } from '../application/switch-site.ts';
import { within } from '../application/within.ts';
import { writeAudit } from '../application/write-audit.ts';
import type { Config } from '../config/load.ts';
import { variableOf } from '../config/schema.ts';
import { StartupError } from '../config/startup-error.ts';
import { type Caller, localCaller } from '../domain/access/caller.ts';
import { contentHash } from '../domain/ids.ts';
import { openPictures } from './open-pictures.ts';
import { openDatabase } from './open-records.ts';
import { runCommand } from './run-command.ts';
import { untilToldToStop } from './shutdown.ts';
import { canFence, catchUp, fence, openGuard } from './standby-fence.ts';

export interface StandbyReport extends SwitchReport {
  /** From the first answer that failed to the decision; 0 for a drill. */
  readonly detectSeconds: number;
  /** Of the latest pictures on record: how many were looked for, and which the standby site does not have. */
  readonly pictures: { readonly checked: number; readonly missing: readonly string[] } | undefined;
  readonly replication: {
    /** How far the copy here was behind when it was looked at last; undefined when nobody could tell. */
    readonly seconds: number | undefined;
    readonly bytes: number | undefined;
    /** Bytes of the old site's records that never came here; undefined when its database could not be asked. */
    readonly lostBytes: number | undefined;
  };
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
  const guard = openGuard(config, pool);
  const stopping = new AbortController();
  const told = untilToldToStop({ withParent: false }).then(() => stopping.abort());
  const site = { pool, guard, databaseUrl, standbyUrl, isDrill, log, signal: stopping.signal };
  try {
    const course: SwitchCourse = { written: undefined, lostBytes: undefined };
    const steps = stepsOf(config, site, course);
    await requireReplica(config, pool);
    if (isDrill) await guard?.renew();
    const detectSeconds = isDrill ? 0 : await detect(config, activeUrl, site);
    if (detectSeconds === undefined) {
      await guard?.release().catch((err: unknown) => log.warn({ err }, 'the lease of the active site was not lifted'));
      return undefined;
    }
    for (;;) {
      const report = await switchSite(steps, { clock: systemClock, log });
      if (report.failed === undefined || isDrill || stopping.signal.aborted) {
        if (report.failed !== undefined) await undo(site, course);
        const pictures = report.failed === undefined ? await checkPictures(config, pool) : undefined;
        const lag = guard?.lag ?? { seconds: undefined, bytes: undefined };
        return { ...report, detectSeconds, pictures, replication: { ...lag, lostBytes: course.lostBytes } };
      }
      log.error(report.failed, 'the switch failed and is tried again');
      await Promise.race([pause(RETRY_MS), told]);
    }
  } finally {
    await guard?.close();
    await pool.close();
  }
}

/** A switch that failed before the records were promoted leaves them where they were. */
async function undo({ pool, guard, log }: StandbySite, { written }: SwitchCourse): Promise<void> {
  if (written === undefined || !(await isReplica(pool.queries))) return;
  await guard?.giveBack(written);
  log.warn({ site: written.before }, 'the records stay with the site that had them');
}

interface StandbySite {
  readonly pool: PostgresPool;
  readonly guard: SiteGuard | undefined;
  readonly databaseUrl: string;
  readonly standbyUrl: string;
  readonly isDrill: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** What one phase of a switch leaves for the next. */
interface SwitchCourse {
  written: LastWritten | undefined;
  lostBytes: number | undefined;
}

/** Seconds from the first failure to the decision; undefined when it was told to stop. */
async function detect(
  config: Config,
  activeUrl: string,
  { guard, log, signal }: StandbySite,
): Promise<number | undefined> {
  const intervalMs = config.standbyIntervalSeconds * 1_000;
  const withinMs = Math.max(1_000, intervalMs);
  const watch = guard && watchReplication(guard, { log, isLease: config.standbyLeaseSeconds > 0, withinMs });
  let wellAt = systemClock.now();
  log.info({ activeUrl }, 'watching the active site');
  const look = async (): Promise<boolean> => {
    const at = systemClock.now();
    const [isAnswering, isRenewed] = await Promise.all([isReady(activeUrl, withinMs), watch?.() ?? true]);
    if (isAnswering && isRenewed) wellAt = at;
    return isAnswering && isRenewed;
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

/** Renews the lease, and says how far the copy is behind: at first, once a minute, and when that becomes much or little. */
function watchReplication(
  guard: SiteGuard,
  { log, isLease, withinMs }: { readonly log: Logger; readonly isLease: boolean; readonly withinMs: number },
): () => Promise<boolean> {
  let said = { at: Number.NEGATIVE_INFINITY, isFar: false };
  return async () => {
    try {
      await within(withinMs, systemClock, () => guard.renew());
    } catch (error) {
      log.warn({ reason: (error as Error).message }, 'the database of the active site cannot be reached');
      return !isLease;
    }
    const { seconds, bytes } = guard.lag;
    const isFar = (seconds ?? 0) > FAR_SECONDS;
    const now = performance.now();
    if (isFar === said.isFar && now - said.at < SAY_MS) return true;
    said = { at: now, isFar };
    const lag = { lagSeconds: seconds, lagBytes: bytes };
    if (isFar) log.warn(lag, 'the copy of the records here is far behind; a switch now would lose what is missing');
    else log.info(lag, 'the copy of the records here follows');
    return true;
  };
}

function stepsOf(config: Config, site: StandbySite, course: SwitchCourse): SwitchSteps {
  const { pool, standbyUrl, log, signal } = site;
  const { standbyPromoteCommand, standbyStartCommand } = config;
  const lead = leader(config);
  return {
    async fence() {
      course.written = (await fence(config, site)) ?? course.written;
    },
    async promote() {
      if (course.written !== undefined && (await isReplica(pool.queries)))
        course.lostBytes = await catchUp(pool, course.written, log);
      if (standbyPromoteCommand === undefined) await promote(pool);
      else await runCommand(standbyPromoteCommand);
      await ownRecords(config, site, course);
    },
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

/** The records are this site's from here on, and their log says so. */
async function ownRecords(config: Config, site: StandbySite, { lostBytes }: SwitchCourse): Promise<void> {
  const { pool, databaseUrl: url, guard, isDrill, log } = site;
  const store = await openDatabase({ url, name: 'imagemill standby', durability: 'full', clock: systemClock, log });
  try {
    const { site: name } = config;
    const taken = name === undefined ? undefined : await takeOver(pool, name);
    const lag = { lagSeconds: guard?.lag.seconds, lostBytes };
    const deed = {
      tenantId: guardCaller.tenantId,
      action: 'site.switched',
      target: name ?? 'standby',
      after: { epoch: taken?.epoch, isDrill, ...lag },
    };
    const ports = { clock: store.clock, ids: createIdSource(systemClock) };
    const act = { caller: guardCaller, address: undefined };
    await store.transact(({ access }) => writeAudit(access, ports, act, deed));
  } finally {
    await store.close();
  }
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
  const { standbyActiveUrl: activeUrl, standbyUrl, databaseUrl } = config;
  if (activeUrl !== undefined && standbyUrl !== undefined && databaseUrl !== undefined && canFence(config))
    return { activeUrl, standbyUrl, databaseUrl };
  const message = `A standby site needs ${requiredSettings.map(variableOf).join(', ')}: where the active and the standby site are, its database, and how to make sure that the old site does not go on (${variableOf('standbyLeaseSeconds')} does it too).`;
  throw new StartupError('settings_invalid', message);
}

const requiredSettings = ['standbyActiveUrl', 'standbyUrl', 'databaseUrl', 'standbyFenceCommand'] as const;
const dnsSettings = [
  ...(['standbyDnsServer', 'standbyDnsZone', 'standbyDnsName'] as const),
  ...(['standbyDnsAddresses', 'standbyDnsKeyName', 'standbyDnsKeySecret'] as const),
];
const guardCaller: Caller = Object.freeze({ ...localCaller, name: 'standby' });
const RETRY_MS = 2_000;
/** A copy that is further behind is worth a warning. */
const FAR_SECONDS = 10;
const SAY_MS = 60_000;
/** Longest time that the processes of the standby site may take. */
const READY_MS = 120_000;
/** Pictures that are looked for. */
const LATEST = 200;
