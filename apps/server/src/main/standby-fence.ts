/** How the guard of a standby site makes sure that two sites never write at once, and that the copy here is whole. */
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../adapters/clock.ts';
import type { PostgresPool } from '../adapters/sql/postgres-connection.ts';
import { bytesBehind, type LastWritten, SiteGuard } from '../adapters/sql/site-guard.ts';
import type { Logger } from '../application/ports.ts';
import { within } from '../application/within.ts';
import type { Config } from '../config/load.ts';
import { variableOf } from '../config/schema.ts';
import { StartupError } from '../config/startup-error.ts';
import { runCommand } from './run-command.ts';

/** @returns undefined where the settings do not say where the active site's database is. @throws StartupError `settings_invalid` */
export function openGuard(config: Config, own: PostgresPool): SiteGuard | undefined {
  const { site: name, standbyActiveDatabaseUrl: url, standbyLeaseSeconds, standbyIntervalSeconds } = config;
  if (url === undefined) {
    if (standbyLeaseSeconds === 0) return undefined;
    throw invalid(`${variableOf('standbyLeaseSeconds')} needs ${variableOf('standbyActiveDatabaseUrl')}.`);
  }
  if (name === undefined) throw invalid(`${variableOf('standbyActiveDatabaseUrl')} needs ${variableOf('site')}.`);
  if (standbyLeaseSeconds > 0 && standbyLeaseSeconds < 3 * standbyIntervalSeconds) {
    const least = 3 * standbyIntervalSeconds;
    throw invalid(
      `${variableOf('standbyLeaseSeconds')} must be at least ${least}: three times ${variableOf('standbyIntervalSeconds')}.`,
    );
  }
  const active = { url, name: 'imagemill standby', durability: 'full' } as const;
  return new SiteGuard(active, { own, name, leaseMs: standbyLeaseSeconds * 1_000 });
}

/**
 * Makes sure that the old site does not go on: by the operator's command where there is one; otherwise by taking the
 * records away from it in its own database, or, when that cannot be reached, by waiting until its lease has run out.
 *
 * @returns where its records stood; undefined when its database could not be asked
 * @throws Error when it may still go on
 */
export async function fence(
  { standbyFenceCommand: command }: Config,
  { guard, log, signal }: { guard: SiteGuard | undefined; log: Logger; signal: AbortSignal },
): Promise<LastWritten | undefined> {
  if (command !== undefined) await runCommand(command);
  const written = await takeAway(guard, { log, withinMs: command === undefined ? TAKE_AWAY_MS : SHORT_MS });
  if (written !== undefined || command !== undefined) return written;
  const endsAt = await guard?.leaseEndsAt();
  if (endsAt === undefined) throw new Error('its database cannot be reached, and it holds no lease that could run out');
  const waitMs = Math.max(0, endsAt + MARGIN_MS - performance.now());
  log.info({ seconds: waitMs / 1_000 }, 'waiting until the lease of the old site has run out');
  await pause(waitMs, undefined, { signal });
  return undefined;
}

async function takeAway(
  guard: SiteGuard | undefined,
  { log, withinMs }: { readonly log: Logger; readonly withinMs: number },
): Promise<LastWritten | undefined> {
  if (guard === undefined) return undefined;
  try {
    const written = await within(withinMs, systemClock, () => guard.takeAway());
    log.info({ epoch: written.epoch }, 'the old site has lost its right to write');
    return written;
  } catch (error) {
    log.warn({ reason: (error as Error).message }, 'the database of the old site cannot be reached to fence it');
    return undefined;
  }
}

/** Waits until the copy here has all that the old site wrote. @returns bytes that did not come in time */
export async function catchUp(own: PostgresPool, { lsn }: LastWritten, log: Logger): Promise<number> {
  for (const until = performance.now() + CATCH_UP_MS; ; ) {
    const bytes = await bytesBehind(own, lsn);
    if (bytes === 0) return 0;
    if (performance.now() > until) {
      log.error({ bytes }, 'the last records of the old site did not arrive and are lost here');
      return bytes;
    }
    await pause(50);
  }
}

/** Whether the settings give any way to fence. */
export function canFence({ standbyFenceCommand, standbyLeaseSeconds }: Config): boolean {
  return standbyFenceCommand !== undefined || standbyLeaseSeconds > 0;
}

function invalid(message: string): StartupError {
  return new StartupError('settings_invalid', message);
}

const TAKE_AWAY_MS = 20_000;
/** After a command that may have cut its power. */
const SHORT_MS = 2_000;
/** A transaction that began under the lease ends within this, or loses its connection. */
const MARGIN_MS = 2_500;
const CATCH_UP_MS = 30_000;
