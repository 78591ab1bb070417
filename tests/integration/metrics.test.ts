import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { metricDefinitions } from '../../apps/server/src/adapters/telemetry/metric-definitions.ts';
import { startServer } from '../../apps/server/src/main/serve.ts';
import { issueKey } from '../support/access.ts';
import { quietLog } from '../support/quiet-log.ts';
import { openParts, testConfig, untilReady } from '../support/server-parts.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function open(settings: Parameters<typeof openParts>[0] = {}): Promise<Opened> {
  const parts = await openParts(settings);
  opened.push(parts);
  await untilReady(parts);
  return parts;
}

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));

async function draw({ app, store }: Opened, body: object): Promise<void> {
  let left = 0;
  const finished = new Promise<void>((resolve) => {
    const stop = store.onStored((event) => {
      if (event.type !== 'generation.finished' || --left > 0) return;
      stop();
      resolve();
    });
  });
  left = 1;
  const answer = await app.inject({ method: 'POST', url: '/v1/generations', payload: { model: 'demo', ...body } });
  expect(answer.statusCode).toBe(202);
  await finished;
}

async function read({ app }: Opened): Promise<string> {
  const answer = await app.inject({ url: '/metrics' });
  expect(answer.statusCode).toBe(200);
  return answer.body;
}

/** Value of one series; its labels in any order. */
function seriesValue(text: string, name: string, labels: Record<string, string> = {}): number | undefined {
  for (const line of text.split('\n')) {
    const [, found, inside = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (found !== name) continue;
    const has = Object.fromEntries([...inside.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', text]) => [key, text]));
    if (Object.entries(labels).every(([key, wanted]) => has[key] === wanted)) return Number(value);
  }
  return undefined;
}

describe('the metrics of a server', () => {
  it('count what was asked, drawn, and how long each part of it took', async () => {
    const parts = await open({ model });
    await draw(parts, {
      prompt: 'a very secret prompt',
      count: 3,
      priority: 'interactive',
      steps: 4,
      width: 64,
      height: 64,
    });
    const text = await read(parts);
    const own = { priority: 'interactive', tenant_class: 'own' };
    expect(seriesValue(text, 'imagemill_jobs_total', { state: 'queued', ...own })).toBe(3);
    expect(seriesValue(text, 'imagemill_jobs_total', { state: 'succeeded', ...own })).toBe(3);
    expect(seriesValue(text, 'imagemill_attempts_total', { outcome: 'succeeded', ...own })).toBe(3);
    expect(seriesValue(text, 'imagemill_pictures_total', { model: 'demo', megapixels: '0.3' })).toBe(3);
    expect(seriesValue(text, 'imagemill_denoise_steps_total')).toBe(12);
    for (const phase of ['queue', 'load', 'encode', 'denoise', 'decode', 'store', 'total']) {
      expect(seriesValue(text, 'imagemill_job_phase_seconds_count', { phase, priority: 'interactive' })).toBe(3);
    }
    expect(seriesValue(text, 'imagemill_jobs', { state: 'queued', priority: 'standard' })).toBe(0);
    expect(seriesValue(text, 'imagemill_engine_ready', { device: 'fixed:0' })).toBe(1);
    expect(
      seriesValue(text, 'imagemill_http_requests_total', { method: 'POST', route: '/v1/generations', status: '202' }),
    ).toBe(1);
    expect(text).not.toContain('secret');
  });

  it('tell the batches of a real engine', async () => {
    const parts = await open({ model, device: 'cpu', calibrate: false });
    await draw(parts, { prompt: 'a fox', count: 2, steps: 2, width: 64, height: 64, seed: 1 });
    const text = await read(parts);
    expect(seriesValue(text, 'imagemill_batch_size_count', { device: 'cpu' })).toBe(2);
    expect(seriesValue(text, 'imagemill_batch_size_sum', { device: 'cpu' })).toBeGreaterThanOrEqual(2);
    expect(seriesValue(text, 'imagemill_model_loads_total', { model: 'demo' })).toBe(1);
    expect(seriesValue(text, 'imagemill_device_memory_bytes', { kind: 'total' })).toBeGreaterThan(0);
  });

  it('name tenants by their class, or by id where the settings say so', async () => {
    const asked = { model, requireKey: true } as const;
    for (const [settings, label] of [
      [{ ...asked, tenantClasses: { acme: 'gold' } }, 'gold'],
      [{ ...asked }, 'other'],
      [{ ...asked, metricsTenants: 'id' as const }, 'acme'],
    ] as const) {
      const parts = await open(settings);
      const { headers } = await issueKey(parts, { tenant: 'acme', role: 'member' });
      await parts.app.inject({
        method: 'POST',
        url: '/v1/generations',
        headers,
        payload: { prompt: 'x', model: 'demo' },
      });
      const text = await parts.metrics.read();
      expect(seriesValue(text, 'imagemill_jobs_total', { state: 'queued', tenant_class: label })).toBe(1);
    }
  });

  it('are for who may see how the installation does, and for nobody else', async () => {
    const parts = await open({ requireKey: true });
    const statusFor = async (wanted: Parameters<typeof issueKey>[1] | undefined): Promise<number> => {
      const headers = wanted === undefined ? {} : (await issueKey(parts, wanted)).headers;
      return (await parts.app.inject({ url: '/metrics', headers })).statusCode;
    };
    expect(await statusFor(undefined)).toBe(401);
    expect(await statusFor({ role: 'member' })).toBe(403);
    expect(await statusFor({ tenant: 'acme', role: 'admin' })).toBe(403);
    expect(await statusFor({ role: 'operator', scopes: ['operations:read'] })).toBe(200);
  });

  it('are served alone and without a key where the settings open a port for it', async () => {
    const config = await testConfig({ metricsPort: 0, requireKey: true });
    const server = await startServer(config, { log: quietLog });
    opened.push({
      close: async () => {
        await server.close();
        await rm(join(config.dataDir, '..'), { recursive: true });
      },
    });
    expect(server.summary.join('\n')).toContain(`${server.metricsUrl}/metrics`);
    expect((await fetch(`${server.url}/metrics`)).status).toBe(401);
    const answer = await fetch(`${server.metricsUrl}/metrics`);
    expect(answer.headers.get('content-type')).toContain('version=0.0.4');
    expect(await answer.text()).toContain('imagemill_build_info');
    expect((await fetch(`${server.metricsUrl}/v1/system`)).status).toBe(404);
  });
});

const deploy = fileURLToPath(new URL('../../deploy', import.meta.url));

/** Names of Imagemill's metrics in a text, without the endings that histograms add. */
function namesIn(text: string): ReadonlySet<string> {
  const names = [...text.matchAll(/\bimagemill_[a-z_]+/g)].map(([name]) => name);
  return new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
}

describe('the files of deploy/', () => {
  it('name only metrics that there are', async () => {
    const parts = await open();
    const known = parts.metrics.names();
    expect(known).toEqual(expect.arrayContaining(Object.keys(metricDefinitions)));
    for (const folder of ['prometheus', 'grafana']) {
      for (const file of readdirSync(join(deploy, folder))) {
        const unknown = [...namesIn(readFileSync(join(deploy, folder, file), 'utf8'))].filter(
          (name) => !known.includes(name),
        );
        expect({ file, unknown }).toEqual({ file, unknown: [] });
      }
    }
  });
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
if (!hasPromtool) {
  if (process.env['CI'] === 'true') throw new Error('Prometheus rules cannot be checked: there is no promtool');
  process.stderr.write('Prometheus rules are not checked: install promtool (Debian: prometheus)\n');
}

describe.runIf(hasPromtool)('promtool', () => {
  it('finds the alert rules right, and their tests pass', () => {
    const rules = join(deploy, 'prometheus');
    for (const args of [
      ['check', 'rules', join(rules, 'imagemill.rules.yml')],
      ['test', 'rules', join(rules, 'imagemill.rules.test.yml')],
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
      expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, output: '' });
    }
  });

  it('reads every query of the dashboard', () => {
    const text = readFileSync(join(deploy, 'grafana', 'imagemill.json'), 'utf8');
    const queries = [...text.matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(
      ([, json = '']) => JSON.parse(json) as string,
    );
    expect(queries.length).toBeGreaterThan(30);
    const rules = queries.map((expr, at) => ({
      record: `dashboard:query${at}`,
      expr: expr.replaceAll('$instance', '.*'),
    }));
    const folder = mkdtempSync(join(tmpdir(), 'imagemill-dashboard-'));
    const file = join(folder, 'rules.json');
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, output: '' });
  });

  it('finds nothing to complain of in the metrics', async () => {
    const parts = await open({ model });
    await draw(parts, { prompt: 'x', steps: 1, width: 64, height: 64 });
    const own = (await read(parts)).split('\n').filter((line) => /^(# (HELP|TYPE) )?imagemill_/.test(line));
    const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: `${own.join('\n')}\n`,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
