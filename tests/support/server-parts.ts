import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, loadConfig } from '../../apps/server/src/config/load.ts';
import type { SettingsInput } from '../../apps/server/src/config/schema.ts';
import { compose, type Parts } from '../../apps/server/src/main/compose.ts';
import { quietLog } from './quiet-log.ts';
import { newDatabase } from './with-postgres.ts';

/**
 * Settings for a server of a test: a folder of its own, a free port, the fixed-time device, nothing of the machine. In
 * the project `postgres` the records are in a database of their own.
 */
export async function testConfig(settings: SettingsInput = {}): Promise<Config> {
  const folder = await mkdtemp(join(tmpdir(), 'imagemill-server-'));
  const base: { -readonly [Name in keyof SettingsInput]: SettingsInput[Name] } = {
    dataDir: 'data',
    modelsDir: 'models',
    port: 0,
    device: 'fixed:0',
    minFreeBytes: 0,
  };
  if (process.env['TEST_RECORDS'] === 'postgres') base.databaseUrl = (await newDatabase()).url;
  return loadConfig({ overrides: { ...base, ...settings }, environment: { PATH: process.env['PATH'] }, folder });
}

/** Everything of a server but the socket: `app.inject` sends requests. */
export async function openParts(settings: SettingsInput = {}): Promise<Parts & { readonly config: Config }> {
  const config = await testConfig(settings);
  const parts = await compose(config, { version: '1.2.3', log: quietLog });
  return {
    ...parts,
    config,
    async close() {
      await parts.close();
      await rm(join(config.dataDir, '..'), { recursive: true });
    },
  };
}

/** Resolves when the engine draws. */
export function untilReady({ engine }: Pick<Parts, 'engine'>): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (engine.status.state !== 'ready') return;
      stop();
      resolve();
    };
    const stop = engine.onChange(look);
    look();
  });
}
