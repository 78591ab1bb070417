import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startServer } from '../../apps/server/src/main/serve.ts';
import { missingInDocs } from '../../scripts/check-docs.ts';
import { quietLog } from '../support/quiet-log.ts';
import { runCli } from '../support/run-cli.ts';
import { testConfig } from '../support/server-parts.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

const demo = fileURLToPath(new URL('../../models/demo', import.meta.url));
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-doctor-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const base = {
    IMAGEMILL_MODELS_DIR: join(folder, 'models'),
    IMAGEMILL_PORT: '0',
    IMAGEMILL_DATA_DIR: join(folder, 'data'),
  };
  return runCli(['doctor', ...args], { cwd: folder, env: { ...base, ...env } });
}

describe('the doctor of a machine', () => {
  it('finds a fresh one in order, says each thing in a sentence, and ends with 0', async () => {
    const { status, stdout } = await doctor(['--verify']);
    expect(stdout).toContain('0 faults');
    expect(status).toBe(0);
    expect(stdout).toMatch(/ok +device +The device cpu passes its self-test and draws with cpu\./);
    expect(stdout).toMatch(/ok +model +All \d+ files of the model demo are whole\./);
    expect(stdout).toContain('→ Set smtpUrl and alertMailTo');
  });

  it('finds a port that is taken, a broken database, a device that is not there and mail without a server', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    await rm(join(folder, 'data'), { recursive: true, force: true });
    const { mkdir } = await import('node:fs/promises');
    await mkdir(join(folder, 'data'));
    await writeFile(
      join(folder, 'data', 'imagemill.db'),
      'this is no database at all, but long enough to be read as one',
    );
    const env = {
      IMAGEMILL_PORT: String(port),
      IMAGEMILL_DEVICE: 'cuda:7',
      IMAGEMILL_ALERT_MAIL_TO: 'ops@example.com',
    };
    const result = await doctor(['--json'], env);
    taken.close();
    expect(result.status).toBe(1);
    const failed = result.json().filter(({ state }) => state === 'fail');
    expect(failed.map(({ id }) => id).sort()).toEqual(['alerts', 'port', 'records']);
    expect(result.json()).toContainEqual(expect.objectContaining({ id: 'device', state: 'warn' }));
    for (const check of failed)
      expect(check).toMatchObject({ message: expect.any(String), advice: expect.any(String) });
  });

  it('refuses a wrong option with 2', async () => {
    expect((await doctor(['--nothing'])).status).toBe(2);
  });
});

describe('the doctor of a server', () => {
  it('tells how it does, with a paused queue as a warning, and a full disk as a fault', async () => {
    const config = await testConfig({ model: demo, minFreeBytes: Number.MAX_SAFE_INTEGER, watchdogSeconds: 0.05 });
    const server = await startServer(config, { log: quietLog });
    await fetch(`${server.url}/v1/queue/pause`, { method: 'POST' });
    const result = await doctor(['--server', server.url, '--json']);
    await server.close();
    await rm(join(config.dataDir, '..'), { recursive: true });
    expect(result.status).toBe(1);
    const checks = result.json();
    const stateOf = (id: string) => checks.find((check) => check['id'] === id)?.['state'];
    expect([stateOf('server'), stateOf('queue'), stateOf('disk'), stateOf('clock')]).toEqual([
      'ok',
      'warn',
      'fail',
      'ok',
    ]);
  });
});

describe('imagemill alerts', () => {
  it('lists and changes rules, adds and tests a channel, silences and ends the silence', async () => {
    const receiver = await startReceiver();
    const config = await testConfig({ model: demo, webhookAllowedHosts: ['127.0.0.1'] });
    const server = await startServer(config, { log: quietLog });
    const run = (...args: string[]) => runCli(['alerts', ...args, '--server', server.url], { cwd: folder });
    expect((await run('rules')).stdout).toContain('queue_length above 100 for 30 s');
    expect((await run('set', 'queue-long', '--threshold', '7', '--off')).stdout).toContain('queue_length above 7');
    expect((await run('rules', '--json')).json()).toContainEqual(
      expect.objectContaining({ id: 'queue-long', threshold: 7, enabled: false }),
    );
    expect((await run('reset', 'queue-long')).status).toBe(0);
    const [channel] = (await run('add-channel', 'night', '--kind', 'slack', '--url', receiver.url, '--json')).json();
    expect((await run('test', String(channel?.['id']))).stdout).toContain('It arrived.');
    receiver.answer(500);
    expect(await run('test', String(channel?.['id']))).toMatchObject({ status: 1 });
    const [silence] = (await run('silence', '--minutes', '5', '--json')).json();
    expect((await run('silences')).stdout).toContain('all');
    expect((await run('unsilence', String(silence?.['id']))).status).toBe(0);
    expect(await run('reset', 'nothing')).toMatchObject({ status: 1 });
    await server.close();
    await rm(join(config.dataDir, '..'), { recursive: true });
    await receiver[Symbol.asyncDispose]();
  });
});

describe('the docs', () => {
  it('name every command, option, signal and incident', () => {
    expect(missingInDocs()).toEqual([]);
  });
});
