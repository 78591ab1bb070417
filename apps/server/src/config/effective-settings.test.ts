import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { effectiveSettings } from './effective-settings.ts';
import { loadConfig } from './load.ts';
import { secretSettings, settingSchemas } from './schema.ts';

test('each setting tells where it came from, and no secret is among them', () => {
  const config = loadConfig({
    overrides: { port: 0 },
    environment: { IMAGEMILL_OIDC_CLIENT_SECRET: 'hush', IMAGEMILL_DATABASE_URL: 'postgres://mill:hush@db:5432/mill' },
    folder: tmpdir(),
  });
  const settings = effectiveSettings(config);
  const of = (name: string) => settings.find((setting) => setting.name === name);
  expect(of('port')).toMatchObject({ value: 0, source: 'command line', variable: 'IMAGEMILL_PORT' });
  expect(of('host')).toMatchObject({ value: '127.0.0.1', source: 'default' });
  expect(of('oidcClientSecret')).toMatchObject({ value: undefined, source: 'environment', isSecret: true });
  expect(of('databaseUrl')).toMatchObject({ value: undefined, source: 'environment', isSecret: true });
  expect(JSON.stringify(settings)).not.toContain('hush');
});

test('whatever is named like a secret is one', () => {
  const named = Object.keys(settingSchemas).filter((name) => /secret|password|token$/i.test(name));
  expect(named.filter((name) => !secretSettings.has(name))).toEqual([]);
});
