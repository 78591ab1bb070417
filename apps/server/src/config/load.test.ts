import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isLoopback, loadConfig } from './load.ts';
import type { SettingsInput } from './schema.ts';

describe('the settings', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'imagemill-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const load = (environment: Record<string, string> = {}, overrides: SettingsInput = {}) =>
    loadConfig({ folder, environment, overrides });
  const file = (value: unknown): void =>
    writeFileSync(join(folder, 'imagemill.config.json'), typeof value === 'string' ? value : JSON.stringify(value));

  it('have defaults for everything', () => {
    expect(load()).toMatchObject({
      host: '127.0.0.1',
      port: 7860,
      dataDir: join(folder, 'data'),
      device: 'cpu',
      maxAttempts: 4,
      retryPauseMs: 5_000,
      durability: 'full',
    });
  });

  it('come from the command line, else the environment, else the file', () => {
    file({ port: 1, slots: 1, threads: 1 });
    const config = load({ IMAGEMILL_PORT: '2', IMAGEMILL_SLOTS: '2' }, { port: 3 });
    expect(config).toMatchObject({ port: 3, slots: 2, threads: 1 });
  });

  it('take a model from MODEL_PATH, unless IMAGEMILL_MODEL says otherwise', () => {
    expect(load({ MODEL_PATH: '/models/z' }).model).toBe('/models/z');
    expect(load({ MODEL_PATH: '/models/z', IMAGEMILL_MODEL: 'demo' }).model).toBe('demo');
  });

  it('take a list of a variable apart at its commas', () => {
    expect(load({ IMAGEMILL_ALLOWED_HOSTS: 'a.example, b.example' }).allowedHosts).toEqual(['a.example', 'b.example']);
  });

  it('treat an empty variable as none', () => {
    expect(load({ IMAGEMILL_PORT: '', MODEL_PATH: '' })).toMatchObject({ port: 7860 });
  });

  it('hand drivers and libraries on to the engine, and nothing that could be a secret', () => {
    const environment = { PATH: '/bin', CUDA_VISIBLE_DEVICES: '1', HF_TOKEN: 'secret', AWS_SECRET_ACCESS_KEY: 'x' };
    expect(load(environment).engineEnvironment).toEqual({ PATH: '/bin', CUDA_VISIBLE_DEVICES: '1' });
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['a port that is none', { IMAGEMILL_PORT: '99999' }, /^IMAGEMILL_PORT got 99999, .*65535/],
    ['text for a number', { IMAGEMILL_PORT: 'http' }, /^IMAGEMILL_PORT got "http", .*number/],
    ['a fraction', { IMAGEMILL_SLOTS: '1.5' }, /^IMAGEMILL_SLOTS got 1.5/],
    ['an unknown device', { IMAGEMILL_DEVICE: 'gpu' }, /^IMAGEMILL_DEVICE got "gpu", .*cuda/],
    ['an unknown variable', { IMAGEMILL_PROT: '1' }, /^IMAGEMILL_PROT is not a setting. Did you mean IMAGEMILL_PORT/],
    ['a variable like none', { IMAGEMILL_COFFEE_STRENGTH: '1' }, /^IMAGEMILL_COFFEE_STRENGTH is not a setting. All/],
  ])('%s is refused with the variable, what it got and what it expects', (_, environment, message) => {
    expect(() => load(environment)).toThrow(
      expect.objectContaining({ code: 'settings_invalid', message: expect.stringMatching(message) }),
    );
  });

  it.each<[string, unknown, RegExp]>([
    ['an unknown key', { prot: 1 }, /^prot in imagemill.config.json is not a setting. Did you mean port/],
    ['a wrong type', { port: '7860' }, /^port in imagemill.config.json got "7860"/],
    ['no JSON', '{port: 1}', /imagemill.config.json is not JSON/],
    ['a list', [], /must hold one JSON object/],
  ])('%s in the file is refused', (_, content, message) => {
    file(content);
    expect(() => load()).toThrow(
      expect.objectContaining({ code: 'settings_invalid', message: expect.stringMatching(message) }),
    );
  });

  it('say so when a value of the file is wrong that something else overrides', () => {
    file({ port: 'x' });
    expect(() => load({}, { port: 1 })).toThrow(/port in imagemill.config.json/);
  });

  it.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('accept the loopback host %s', (host) => {
    expect(load({}, { host }).host).toBe(host);
  });

  it.each(['0.0.0.0', '::', '192.168.1.5', 'example.org', '127.0.0.1.evil.example'])(
    'take %s for a host that others can reach',
    (host) => {
      expect(load({}, { host }).host).toBe(host);
      expect(isLoopback(host)).toBe(false);
    },
  );

  it('read true and false from a variable, and name any other text', () => {
    expect(load({ IMAGEMILL_REQUIRE_KEY: 'true' }).requireKey).toBe(true);
    expect(load({ IMAGEMILL_REQUIRE_KEY: 'false' }).requireKey).toBe(false);
    expect(() => load({ IMAGEMILL_REQUIRE_KEY: 'yes' })).toThrow(/IMAGEMILL_REQUIRE_KEY got "yes"/);
  });
});
