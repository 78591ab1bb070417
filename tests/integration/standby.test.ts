import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@imagemill/api/client';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type DnsTestServer, describeWithDns, startDnsServer } from '../support/dns-server.ts';
import { startReplica } from '../support/postgres-replica.ts';
import { freePort, type PostgresServer, postgresPrograms, startPostgres } from '../support/postgres-server.ts';
import { runCli } from '../support/run-cli.ts';
import { ServerFolder } from '../support/server-process.ts';

const isComplete = postgresPrograms() !== undefined || process.env['CI'] === 'true';
if (!isComplete) process.stderr.write('skipped: a standby site (PostgreSQL is not installed)\n');

describeWithDns('a standby site', () => {
  let primary: PostgresServer;
  let replica: Awaited<ReturnType<typeof startReplica>>;
  let dns: DnsTestServer;
  let assetDir: string;
  let folder: ServerFolder;
  let port: number;

  beforeEach(async () => {
    [primary, dns, folder, port] = await Promise.all([
      startPostgres(),
      startDnsServer(),
      ServerFolder.create(),
      freePort(),
    ]);
    replica = await startReplica(primary.url);
    assetDir = await mkdtemp(join(tmpdir(), 'imagemill-standby-'));
  });
  afterEach(async () => {
    await folder.remove();
    await Promise.all([replica.remove(), primary.remove(), dns.remove()]);
    await rm(assetDir, { recursive: true, force: true });
  });

  const site = async (host: string, databaseUrl: string) => {
    const settings = { databaseUrl, assetDir, host, logLevel: 'error' } as const;
    const worker = { ...settings, device: 'fixed:500', slots: 1 };
    return Promise.all([folder.start({ ...settings, port }, [], 'api'), folder.start(worker, [], 'worker')]);
  };
  /** As clients do: they know the name only. */
  const client = async () => {
    const [address] = await dns.resolver.resolve4('mill.example.test');
    return createClient({ baseUrl: `http://${address}:${port}` });
  };
  const standby = (args: readonly string[], env: Readonly<Record<string, string>>) =>
    runCli(['standby', ...args], {
      cwd: folder.path,
      env: {
        IMAGEMILL_DATABASE_URL: replica.url,
        IMAGEMILL_ASSET_DIR: assetDir,
        IMAGEMILL_STANDBY_ACTIVE_URL: `http://127.0.0.1:${port}`,
        IMAGEMILL_STANDBY_URL: `http://127.0.0.2:${port}`,
        IMAGEMILL_STANDBY_INTERVAL_SECONDS: '0.3',
        IMAGEMILL_STANDBY_FAILURES: '3',
        IMAGEMILL_STANDBY_DNS_SERVER: `127.0.0.1:${dns.port}`,
        IMAGEMILL_STANDBY_DNS_ZONE: 'example.test',
        IMAGEMILL_STANDBY_DNS_NAME: 'mill.example.test',
        IMAGEMILL_STANDBY_DNS_ADDRESSES: '127.0.0.2',
        IMAGEMILL_STANDBY_DNS_KEY_NAME: dns.key.name,
        IMAGEMILL_STANDBY_DNS_KEY_SECRET: dns.key.secret,
        ...env,
      },
    });
  const body = { prompt: 'a boat', width: 64, height: 64, steps: 2 };
  const patiently = { timeout: 90_000, interval: 100 };

  it.skipIf(!isComplete)('takes over when the active site dies: what was accepted there ends once', async () => {
    const active = await site('127.0.0.1', primary.url);
    const { id } = await (await client()).submitGeneration({ ...body, count: 12 });
    const onReplica = () => countOf(replica.url, `select count(*)::int as n from jobs where state = 'succeeded'`);
    await expect.poll(onReplica, patiently).toBeGreaterThan(0);

    const refused = await standby(['drill'], { IMAGEMILL_STANDBY_FENCE_COMMAND: 'exit 3' });
    expect(refused.status).toBe(1);
    expect(refused.stdout).toContain('failed in phase fence: the command ended with 3');
    expect(await dns.resolver.resolve4('mill.example.test')).toEqual(['127.0.0.1']);
    expect(await countOf(replica.url, 'select pg_is_in_recovery()::int as n')).toBe(1);

    const watching = standby(['--report', 'report.json'], {
      IMAGEMILL_STANDBY_FENCE_COMMAND: `kill -9 ${active.map(({ pid }) => pid).join(' ')}; exit 0`,
      IMAGEMILL_STANDBY_START_COMMAND: 'touch started',
    });
    const killedAt = performance.now();
    await Promise.all(active.map((one) => one.stop('SIGKILL')));
    await primary.stop();
    await expect.poll(() => existsSync(join(folder.path, 'started')), patiently).toBe(true);
    await site('127.0.0.2', replica.url);
    const draw = async (): Promise<string> => {
      try {
        return (await (await client()).getGeneration(id)).state;
      } catch {
        return 'away';
      }
    };
    await expect.poll(draw, patiently).not.toBe('away');
    const awaySeconds = (performance.now() - killedAt) / 1_000;
    await expect.poll(draw, patiently).toBe('succeeded');
    const { status } = await watching;
    expect(status).toBe(0);
    expect(await dns.resolver.resolve4('mill.example.test')).toEqual(['127.0.0.2']);
    const ends = `select count(*)::int as n from events where type = 'job.succeeded'`;
    expect(await countOf(replica.url, ends)).toBe(12);
    expect(await countOf(replica.url, `select count(*)::int as n from jobs where state = 'succeeded'`)).toBe(12);

    const report = JSON.parse(await readFile(join(folder.path, 'report.json'), 'utf8'));
    expect(Object.keys(report.seconds)).toEqual(['fence', 'promote', 'start', 'ready', 'lead']);
    expect(report.failed).toBeUndefined();
    expect(report.pictures.missing).toEqual([]);
    expect(report.detectSeconds + report.totalSeconds).toBeLessThan(awaySeconds + 5);
    process.stderr.write(`standby: away for ${awaySeconds.toFixed(1)} s, ${JSON.stringify(report.seconds)}\n`);
  });
});

async function countOf(url: string, query: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<{ n: number }>(query)).rows[0]?.n ?? 0;
  } catch {
    // The tables are not there yet.
    return 0;
  } finally {
    await client.end();
  }
}
