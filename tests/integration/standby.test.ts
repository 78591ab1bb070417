import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
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

  const site = async (host: string, databaseUrl: string, name?: string) => {
    const settings = { databaseUrl, assetDir, host, logLevel: 'error', ...(name && { site: name }) } as const;
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

  /** Whether a site takes a generation, or why not. */
  const accepted = async (host: string): Promise<string> => {
    try {
      await createClient({ baseUrl: `http://${host}:${port}` }).submitGeneration(body);
      return 'accepted';
    } catch (error) {
      return (error as { code?: string }).code ?? 'away';
    }
  };
  const written = `select count(*)::int as n from generations`;

  it.skipIf(!isComplete)(
    'switches on purpose without losing a record: the old site may not write any more',
    async () => {
      await site('127.0.0.1', primary.url, 'north');
      const { id } = await (await client()).submitGeneration({ ...body, count: 6 });
      const drill = standby(['drill', '--report', 'report.json'], {
        IMAGEMILL_SITE: 'south',
        IMAGEMILL_STANDBY_ACTIVE_DATABASE_URL: primary.url,
        IMAGEMILL_STANDBY_LEASE_SECONDS: '5',
        IMAGEMILL_STANDBY_START_COMMAND: 'touch started',
      });
      await expect.poll(() => existsSync(join(folder.path, 'started')), patiently).toBe(true);
      expect(await accepted('127.0.0.1')).toBe('site_fenced');
      const ready = await fetch(`http://127.0.0.1:${port}/health/ready`);
      expect(ready.status).toBe(503);
      expect(await ready.json()).toMatchObject({ code: 'site_fenced' });
      await expect(site('127.0.0.2', replica.url, 'north')).rejects.toThrow(/belong to the site south/);
      await site('127.0.0.2', replica.url, 'south');
      expect((await drill).stdout).toMatch(/missing {2}0 bytes/);
      await expect.poll(async () => (await (await client()).getGeneration(id)).state, patiently).toBe('succeeded');
      expect(await accepted('127.0.0.2')).toBe('accepted');

      const report = JSON.parse(await readFile(join(folder.path, 'report.json'), 'utf8'));
      expect(report).toMatchObject({ detectSeconds: 0, replication: { lostBytes: 0 } });
      process.stderr.write(`drill: ${report.totalSeconds} s, ${JSON.stringify(report.seconds)}\n`);
      const metrics = await (await fetch(`http://127.0.0.2:${port}/metrics`)).text();
      expect(metrics).toContain('imagemill_site_epoch 2');
      const env = { IMAGEMILL_DATABASE_URL: replica.url };
      const audit = await runCli(['audit', '--action', 'site.switched', '--json'], { cwd: folder.path, env });
      expect(audit.stdout).toContain('"target":"south"');
    },
  );

  it.skipIf(!isComplete)(
    'takes over from a site that only it cannot reach, when that has left off by itself',
    async () => {
      await site('127.0.0.1', primary.url, 'north');
      await using line = await startLine(Number(new URL(primary.url).port));
      await using door = await startLine(port);
      const throughLine = new URL(primary.url);
      throughLine.port = String(line.port);
      const watching = standby(['--report', 'report.json'], {
        IMAGEMILL_SITE: 'south',
        IMAGEMILL_STANDBY_ACTIVE_URL: `http://127.0.0.1:${door.port}`,
        IMAGEMILL_STANDBY_ACTIVE_DATABASE_URL: throughLine.href,
        IMAGEMILL_STANDBY_LEASE_SECONDS: '4',
        IMAGEMILL_STANDBY_START_COMMAND: 'touch started',
      });
      const watched = `select count(*)::int as n from site where standby = 'south' and lease_until > 0 and standby_lag_ms is not null`;
      await expect.poll(() => countOf(replica.url, watched), patiently).toBe(1);
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      expect(metrics).toMatch(/^imagemill_standby_lag_seconds [\d.]+$/m);
      expect(await accepted('127.0.0.1')).toBe('accepted');
      line.cut();
      door.cut();
      await expect.poll(() => accepted('127.0.0.1'), patiently).toBe('site_fenced');
      expect(await countOf(replica.url, 'select pg_is_in_recovery()::int as n')).toBe(1);
      const before = await countOf(primary.url, written);
      await expect.poll(() => existsSync(join(folder.path, 'started')), patiently).toBe(true);
      await site('127.0.0.2', replica.url, 'south');
      expect((await watching).status).toBe(0);
      expect(await accepted('127.0.0.2')).toBe('accepted');
      expect(await accepted('127.0.0.1')).toBe('site_fenced');
      expect(await countOf(primary.url, written)).toBe(before);
    },
  );
});

/** A way to a port of this machine that can be cut. */
async function startLine(to: number) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const onward = connect(to, '127.0.0.1');
    for (const one of [socket, onward]) {
      sockets.add(one);
      one.on('error', () => undefined);
    }
    socket.pipe(onward).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    [Symbol.asyncDispose]: async () => cut(),
  };
}

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
