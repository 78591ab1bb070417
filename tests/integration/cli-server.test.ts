/** Commands that work with a running server, run as a user runs them. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../../packages/api/src/client/index.ts';
import { runCli } from '../support/run-cli.ts';
import { ServerFolder } from '../support/server-process.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

let folder: ServerFolder;
beforeEach(async () => {
  folder = await ServerFolder.create();
});
afterEach(() => folder.remove());

const cli = (server: string, ...args: string[]) =>
  runCli(args, { cwd: folder.path, env: { IMAGEMILL_SERVER: server } });

describe('imagemill bulk', () => {
  const rows = 40;
  const settings = ['--template', '{{product}}', '--width', '64', '--height', '64', '--steps', '1', '--out', 'out'];
  const filesThere = async (): Promise<string[]> => (await readdir(join(folder.path, 'out')).catch(() => [])).sort();

  it('goes on after it and the server were killed, and leaves a whole folder with a safe manifest', async () => {
    const lines = Array.from({ length: rows }, (_, at) => (at === 0 ? '"=1+1"' : `apple ${at}`));
    await writeFile(join(folder.path, 'rows.csv'), `product\n${lines.join('\n')}\n`);
    const first = await folder.start({ device: 'fixed:30' });
    let id = '';
    const killed = await runCli(['bulk', 'rows.csv', ...settings], {
      cwd: folder.path,
      env: { IMAGEMILL_SERVER: first.url },
      onStderr(text, child) {
        id = /bulk (\S+): --resume/.exec(text)?.[1] ?? '';
        if (id !== '') child.kill('SIGKILL');
      },
    });
    expect([killed.status, await filesThere()]).toEqual([null, []]);
    const begun = createClient({ baseUrl: first.url });
    await expect.poll(async () => (await begun.getBulk(id)).pictures.succeeded).toBeGreaterThan(2);
    await first.stop('SIGKILL');

    const second = await folder.start({ device: 'fixed:5' });
    const resumed = await cli(second.url, 'bulk', 'rows.csv', ...settings, '--resume', id, '--json');
    expect(resumed.stderr).toBe('');
    expect(resumed.json()).toMatchObject([{ id, state: 'finished', pictures: { asked: rows, succeeded: rows } }]);
    const names = Array.from({ length: rows }, (_, at) => `${String(at + 2).padStart(6, '0')}-0.png`);
    expect(await filesThere()).toEqual([...names, 'manifest.csv']);
    const manifest = (await readFile(join(folder.path, 'out', 'manifest.csv'), 'utf8')).trim().split('\r\n');
    expect(manifest).toHaveLength(rows + 1);
    expect(manifest.filter((line) => line.includes('1+1'))).toEqual([expect.stringContaining(",'=1+1,")]);
    const url = /,(http:[^,]+),/.exec(manifest[1] ?? '')?.[1] ?? '';
    const picture = await fetch(url);
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/png']);

    // What is there already stays, and nothing is drawn again.
    const mine = join(folder.path, 'out', names[0] ?? '');
    await writeFile(mine, 'mine');
    const again = await cli(second.url, 'bulk', 'rows.csv', ...settings, '--resume', id);
    expect(again.stdout).toMatch(`finished: ${rows} of ${rows} pictures`);
    expect(await readFile(mine, 'utf8')).toBe('mine');
    await second.stop('SIGTERM');
  });

  it('tells what a file would cost and names its broken lines, with a status of its own', async () => {
    await writeFile(join(folder.path, 'rows.csv'), 'product,width\nan apple,64\na pear,63\nx\n');
    const server = await folder.start({ device: 'fixed:0' });
    const planned = await cli(server.url, 'bulk', 'rows.csv', '--template', '{{product}}', '--dry-run', '--json');
    expect(planned.json()).toMatchObject([{ rows: 3, pictures: 1, brokenCount: 2 }]);
    expect(planned.status).toBe(1);
    const drawn = await cli(server.url, 'bulk', 'rows.csv', '--template', '{{product}}');
    expect(drawn.stderr).toContain('line 3: ');
    expect(drawn.stderr).toContain('line 4: ');
    expect([drawn.status, drawn.stdout.trim()]).toEqual([
      1,
      'finished: 1 of 1 pictures; 1 rows drawn, 0 unchanged, 2 broken',
    ]);
    const missing = await cli(server.url, 'bulk', 'nothing.csv');
    expect(missing.status).toBe(2);
    await server.stop('SIGTERM');
  });
});

describe('imagemill webhooks', () => {
  it('adds an endpoint, shows what was sent, sends it once more, makes a new secret and takes it away', async () => {
    await using receiver = await startReceiver();
    const server = await folder.start({ device: 'fixed:0', webhookAllowedHosts: ['127.0.0.1'] });
    const made = await cli(server.url, 'webhooks', 'create', receiver.url, '--events', 'generation.finished', '--json');
    const [webhook] = made.json();
    expect(webhook).toMatchObject({ url: receiver.url, events: ['generation.finished'], enabled: true });
    const id = String(webhook?.['id']);
    const client = createClient({ baseUrl: server.url });
    await client.submitGeneration({ prompt: 'a boat' });
    await receiver.until(({ body }) => body.includes('generation.finished'));
    await expect.poll(async () => (await client.listWebhookDeliveries(id)).items[0]?.state).toBe('delivered');
    const [delivery] = (await cli(server.url, 'webhooks', 'deliveries', id, '--json')).json();
    expect(delivery).toMatchObject({ state: 'delivered', attempts: [{ status: 204 }] });
    await cli(server.url, 'webhooks', 'replay', id, String(delivery?.['id']));
    await expect.poll(() => receiver.messages.length).toBe(2);
    expect(receiver.messages[1]?.headers['webhook-id']).toBe(receiver.messages[0]?.headers['webhook-id']);
    const rotated = await cli(server.url, 'webhooks', 'rotate', id, '--overlap', '0');
    expect(rotated.stdout).toMatch(/^whsec_/);
    expect(rotated.stdout.trim()).not.toBe(webhook?.['secret']);
    expect((await cli(server.url, 'webhooks', 'list')).stdout).toContain(receiver.url);
    await cli(server.url, 'webhooks', 'delete', id);
    expect((await cli(server.url, 'webhooks', 'list', '--json')).stdout).toBe('');
    await server.stop('SIGTERM');
  });
});

describe('imagemill members, keys and models', () => {
  it('add a person with a limited key, change them, and say how far the quota is used', async () => {
    const data = ['--data-dir', join(folder.path, 'data'), '--json'];
    const run = async (...args: string[]) => {
      const result = await runCli([...args, ...data], { cwd: folder.path });
      expect(result.stderr).toBe('');
      return result.json();
    };
    const [member] = await run('members', 'create', 'ada@example.com', '--role', 'member', '--name', 'Ada');
    expect(member).toMatchObject({ email: 'ada@example.com', role: 'member', name: 'Ada' });
    const changed = await run('members', 'set', String(member?.['id']), '--role', 'viewer', '--disable');
    expect(changed).toMatchObject([{ role: 'viewer', disabledAt: expect.any(String) }]);
    expect(await run('members', 'list')).toHaveLength(1);
    const limits = ['--pictures-per-day', '3', '--max-running', '1', '--requests-per-minute', '100'];
    const [key] = await run('keys', 'create', '--role', 'member', ...limits);
    expect(key).toMatchObject({ limits: { picturesPerDay: 3, maxRunning: 1, requestsPerMinute: 100 } });
    const labels = ['--visible-mark', 'zh', '--ai-label-producer', 'ACME', '--ai-label', 'off'];
    const [tenant] = await run('tenants', 'create', 'acme', ...labels);
    expect(tenant).toMatchObject({ labels: { visibleMark: 'zh', aiLabelProducer: 'ACME', aiLabel: false } });
    const back = await run('tenants', 'set', 'acme', '--visible-mark', 'off', '--ai-label', 'none');
    expect(back).toMatchObject([{ labels: { visibleMark: 'none', aiLabelProducer: 'ACME' } }]);
    expect(back[0]?.['labels']).not.toHaveProperty('aiLabel');

    const server = await folder.start({ device: 'fixed:0' });
    const client = createClient({ baseUrl: server.url, headers: { authorization: `Bearer ${key?.['secret']}` } });
    await client.submitGeneration({ prompt: 'a boat', count: 2 });
    const { standing } = await client.whoami();
    expect(standing).toMatchObject([
      { subject: 'key', quota: 'picturesPerDay', limit: 3, used: 2, remaining: 1, resetsAt: expect.any(String) },
    ]);
    await server.stop('SIGTERM');
  });

  it('bring a model into memory and take it out, in a precision', async () => {
    const model = new URL('../../models/demo', import.meta.url).pathname;
    const server = await folder.start({ device: 'cpu', model, calibrate: false, weights: 'mapped' });
    const loaded = await cli(server.url, 'models', 'load', 'demo:packed', '--json');
    expect(loaded.stderr).toBe('');
    expect([loaded.status, loaded.json()]).toMatchObject([0, [{ name: 'demo:packed', state: 'loaded' }]]);
    const unloaded = await cli(server.url, 'models', 'unload', 'demo:packed', '--json');
    expect([unloaded.status, unloaded.json()]).toMatchObject([0, [{ state: 'unloaded' }]]);
    const unknown = await cli(server.url, 'models', 'load', 'nothing');
    expect(unknown.status).not.toBe(0);
    expect(unknown.stderr).toContain('model_not_found');
    await server.stop('SIGTERM');
  });
});
