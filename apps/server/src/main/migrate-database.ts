import { systemClock } from '../adapters/clock.ts';
import type { Logger } from '../application/ports.ts';
import type { Config } from '../config/load.ts';
import { variableOf } from '../config/schema.ts';
import { StartupError } from '../config/startup-error.ts';
import { openDatabase } from './open-records.ts';

/**
 * Brings the tables of the configured PostgreSQL database up to date. Every role does so when it starts; a rollout may
 * do it once ahead.
 *
 * @throws StartupError `database_missing`, `database_unusable`
 */
export async function migrateDatabase({ databaseUrl: url }: Pick<Config, 'databaseUrl'>): Promise<void> {
  if (url === undefined) {
    const message = `There is no database to migrate: set ${variableOf('databaseUrl')}. A data folder is brought up to date by the server that opens it.`;
    throw new StartupError('database_missing', message);
  }
  const store = await openDatabase({ url, name: 'imagemill migrate', durability: 'full', clock: systemClock, log });
  await store.close();
}

const log: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {}
