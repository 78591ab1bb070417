/**
 * What it costs to know who calls: authentication by key, rate limit and validation, each by itself and as the
 * difference between whole requests over HTTP to a server without keys and to one with.
 *
 *     node benchmarks/authentication.ts [--calls 20000] [--requests 3000]
 */
import { rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Authenticated } from '../apps/server/src/application/authenticate.ts';
import { tenantId } from '../apps/server/src/domain/ids.ts';
import { compose, type Parts } from '../apps/server/src/main/compose.ts';
import { generationRequestSchema } from '../packages/api/src/index.ts';
import { issueKey } from '../tests/support/access.ts';
import { quietLog } from '../tests/support/quiet-log.ts';
import { testConfig } from '../tests/support/server-parts.ts';

const { values } = parseArgs({
  options: { calls: { type: 'string', default: '20000' }, requests: { type: 'string', default: '3000' } },
});
const [calls, requests] = [Number(values.calls), Number(values.requests)];
const body = {
  prompt: 'a red panda in a green forest, morning light, wide angle, soft colours, high detail',
  count: 4,
  seed: 7,
};

const config = await testConfig({ logLevel: 'error', requireKey: true });
const parts = await compose(config, { version: 'benchmark', log: quietLog });
try {
  const key = await limitedKey(parts);
  const { authenticate, takeRequest } = parts.access.authentication;
  const who = await authenticate.byKey(key.text);
  if ('reason' in who) throw new Error(who.reason);
  const reply = { headers: () => reply } as unknown as Parameters<typeof takeRequest>[1];
  const steps: readonly (readonly [string, () => unknown])[] = [
    ['authentication by a known key', () => authenticate.byKey(key.text)],
    ['rate limits of tenant and key', () => takeRequest(who satisfies Authenticated, reply)],
    ['validation of a generation', () => generationRequestSchema.parse(body)],
  ];
  process.stdout.write('| µs | p50 | p99 |\n|---|---|---|\n');
  for (const [name, run] of steps) {
    await timesOf(calls / 10, run);
    report(name, await timesOf(calls, run));
  }
  await reportHttp(parts, key.headers);
  process.stdout.write(`load ${loadavg()[0]?.toFixed(1)}\n`);
} finally {
  await parts.close();
  await rm(join(config.dataDir, '..'), { recursive: true });
}

/**
 * Whole requests over HTTP to a server that asks nobody for a key and to one that counts every request against two
 * limits. The two are asked in turn, so that whatever else the machine does meets both; the difference is that of
 * neighbours. The generation is a repeat by its idempotency key: read, checked and answered, and nothing is written.
 */
async function reportHttp(keyed: Parts, headers: Record<string, string>): Promise<void> {
  const openConfig = await testConfig({ logLevel: 'error' });
  const open = await compose(openConfig, { version: 'benchmark', log: quietLog });
  try {
    const [openUrl, keyedUrl] = [await listen(open), await listen(keyed)];
    const ask = (url: string, init: RequestInit) => async (): Promise<void> => {
      const answer = await fetch(url, init);
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      await answer.arrayBuffer();
    };
    const json = { 'content-type': 'application/json', 'idempotency-key': 'benchmark' };
    const post = { method: 'POST', body: JSON.stringify(body) };
    const routes: readonly (readonly [string, () => Promise<void>, () => Promise<void>])[] = [
      ['GET /v1/whoami', ask(`${openUrl}/v1/whoami`, {}), ask(`${keyedUrl}/v1/whoami`, { headers })],
      [
        'POST /v1/generations',
        ask(`${openUrl}/v1/generations`, { ...post, headers: json }),
        ask(`${keyedUrl}/v1/generations`, { ...post, headers: { ...json, ...headers } }),
      ],
    ];
    for (const [name, atOpen, atKeyed] of routes) {
      await timesOf(requests / 10, atOpen);
      await timesOf(requests / 10, atKeyed);
      const times = { open: [] as number[], keyed: [] as number[], more: [] as number[] };
      for (let pair = 0; pair < requests; pair++) {
        const [first = 0] = await timesOf(1, atOpen);
        const [second = 0] = await timesOf(1, atKeyed);
        times.open.push(first);
        times.keyed.push(second);
        times.more.push(second - first);
      }
      report(`${name}, open`, times.open);
      report(`${name}, with a key and two limits`, times.keyed);
      report(`${name}, difference of neighbours`, times.more);
    }
  } finally {
    await open.close();
    await rm(join(openConfig.dataDir, '..'), { recursive: true });
  }
}

async function listen({ app }: Parts): Promise<string> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}

/** A key whose tenant has a limit that is never reached, so that every request is counted. */
async function limitedKey(opened: Parts): Promise<Awaited<ReturnType<typeof issueKey>>> {
  const key = await issueKey(opened, { tenant: 'acme', role: 'member' });
  const id = tenantId('acme');
  await opened.access.store.transact(async (transaction) => {
    const tenant = await transaction.findTenant(id);
    const found = await transaction.findKey(key.id);
    if (tenant === undefined || found === undefined) throw new Error('neither tenant nor key');
    const limits = { requestsPerMinute: 1_000_000_000 };
    await transaction.saveTenant({ ...tenant, limits });
    await transaction.saveKey({ ...found, limits });
  });
  return key;
}

/** Microseconds of each call. */
async function timesOf(count: number, run: () => unknown): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = process.hrtime.bigint();
    await run();
    times.push(Number(process.hrtime.bigint() - start) / 1_000);
  }
  return times;
}

function report(name: string, times: readonly number[]): void {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(1);
  process.stdout.write(`| ${name} | ${at(0.5)} | ${at(0.99)} |\n`);
}
