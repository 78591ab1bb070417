import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../packages/api/src/client/index.ts';
import type { BudgetStanding, Costs, Generation } from '../../packages/api/src/index.ts';
import { issueKey } from '../support/access.ts';
import { runCli } from '../support/run-cli.ts';
import { openParts, untilReady } from '../support/server-parts.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;

let parts: Opened;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let acme: { readonly authorization: string };
beforeAll(async () => {
  receiver = await startReceiver();
  parts = await openParts({
    ...{ device: 'fixed:1000', slots: 1, alertIntervalSeconds: 0.1 },
    webhookAllowedHosts: [new URL(receiver.url).hostname],
  });
  await untilReady(parts);
  acme = (await issueKey(parts, { tenant: 'acme', role: 'admin' })).headers;
});
afterAll(async () => {
  await parts.close();
  await receiver[Symbol.asyncDispose]();
});

async function send<T>(method: 'GET' | 'PUT' | 'POST', url: string, payload?: object, headers = {}) {
  const answer = await parts.app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  return { status: answer.statusCode, body: answer.body, json: () => answer.json<T>() };
}

const submit = (count: number, headers = {}) =>
  send<Generation>('POST', '/v1/generations', { prompt: 'a cup', width: 64, height: 64, steps: 1, count }, headers);

async function draw(count: number, headers = {}): Promise<void> {
  const answer = await submit(count, headers);
  expect(answer.status, answer.body).toBe(202);
  await parts.app.inject({ url: `/v1/generations/${answer.json().id}/events`, headers });
}

describe('costs', () => {
  it('follow from the price of a device, by model and size, beside a hosted API', async () => {
    const prices = { currency: 'CNY', perPicture: 0.01, perDeviceSecond: 0.001, hostedPerPicture: 0.2 };
    expect((await send('PUT', '/v1/prices', prices)).json()).toEqual({ prices });
    await draw(2);
    const costs = (await send<Costs>('GET', '/v1/costs?devices=2')).json();
    expect(costs).toMatchObject({ currency: 'CNY', total: { pictures: 2, rejected: 0, hostedCost: 0.4 } });
    const [item] = costs.items;
    expect(item).toMatchObject({ precision: '', size: '64x64', pictures: 2 });
    expect(item?.deviceSeconds).toBeGreaterThanOrEqual(2);
    expect(item?.cost).toBeCloseTo(0.02 + (item?.deviceSeconds ?? 0) * 0.001, 5);
    expect(item?.costPerPicture).toBeCloseTo((item?.cost ?? 0) / 2, 5);
    expect(costs.standing?.cost).toBeGreaterThan(0);
  });

  it('are told by tenant to admins of the installation, and to others only about themselves', async () => {
    await draw(1, acme);
    const all = (await send<Costs>('GET', '/v1/costs?tenant=*&groupBy=tenant')).json();
    expect(all.items.map(({ tenant }) => tenant)).toEqual(['acme', 'default']);
    const own = (await send<Costs>('GET', '/v1/costs?groupBy=tenant', undefined, acme)).json();
    expect(own.items).toMatchObject([{ tenant: 'acme', pictures: 1 }]);
    expect((await send('GET', '/v1/costs?tenant=*', undefined, acme)).status).toBe(404);
  });

  it('come as CSV', async () => {
    const answer = await send('GET', '/v1/costs?groupBy=tenant,model&tenant=*&format=csv');
    const [head, first] = answer.body.split('\r\n');
    expect(head).toBe(
      'tenant,model,pictures,rejected,failed,deviceSeconds,cost,costPerPicture,deviceSecondsPerPicture,hostedCost',
    );
    expect(first).toMatch(/^acme,[^,]+,1,0,0,/);
  });
});

describe('a budget', () => {
  it('that is hard refuses what would exceed it, with what waits counted too', async () => {
    expect((await send<BudgetStanding>('GET', '/v1/budget', undefined, acme)).json()).toMatchObject({ state: 'none' });
    const set = await send<BudgetStanding>('PUT', '/v1/budget?tenant=acme', { hard: 0.05 });
    expect(set.json()).toMatchObject({ hard: 0.05, state: 'within', currency: 'CNY' });
    const refused = await submit(10, acme);
    expect(refused.status).toBe(402);
    expect(refused.json()).toMatchObject({ code: 'budget_exceeded', details: { limit: 0.05 } });
    // What was refused is not reserved.
    expect((await send<BudgetStanding>('GET', '/v1/budget', undefined, acme)).json().reserved).toBe(0);
    await draw(1, acme);
    expect((await send('PUT', '/v1/budget', { hard: 1 }, acme)).status).toBe(403);
  });

  it('that is soft is told of once a month: in the audit log, by an alert and to the webhooks that ask for it', async () => {
    const hook = { url: receiver.url, events: ['budget.*'] };
    expect((await send('POST', '/v1/webhooks', hook, acme)).status).toBe(201);
    const other = { url: receiver.url, events: ['budget.soft_reached'] };
    expect((await send('POST', '/v1/webhooks', other)).status).toBe(201);
    await send('PUT', '/v1/budget?tenant=acme', { soft: 0.001 });
    const told = async () =>
      (await send<{ items: object[] }>('GET', '/v1/audit?action=budget.soft_reached', undefined, acme)).json();
    await expect.poll(async () => (await told()).items.length, { timeout: 30_000, interval: 250 }).toBe(1);
    expect((await told()).items[0]).toMatchObject({ target: 'acme', after: { soft: 0.001 } });
    expect((await send<BudgetStanding>('GET', '/v1/budget', undefined, acme)).json().state).toBe('soft_reached');
    const alerts = async () => (await send<{ items: { ruleId: string }[] }>('GET', '/v1/alerts?state=firing')).json();
    await expect
      .poll(async () => (await alerts()).items.map(({ ruleId }) => ruleId), { timeout: 30_000 })
      .toContain('budget-reached');
    await expect.poll(() => receiver.messages.length, { timeout: 30_000 }).toBe(1);
    expect(JSON.parse(receiver.messages[0]?.body ?? '{}')).toMatchObject({
      type: 'budget.soft_reached',
      data: { tenantId: 'acme', soft: 0.001 },
    });
    await draw(1, acme);
  });
});

describe('imagemill cost', () => {
  it('prints reports, sets prices and budgets, on the data folder of a running server', async () => {
    const cli = (...args: readonly string[]) =>
      runCli([...args, '--data-dir', parts.config.dataDir], { cwd: parts.config.dataDir });
    const prices = await cli('cost', 'prices', '--device-per-month', '3500', '--json');
    expect(prices.status, prices.stderr).toBe(0);
    expect(prices.json()[0]).toMatchObject({ currency: 'CNY', perPicture: 0.01, hostedPerPicture: 0.2 });
    expect(prices.json()[0]?.['perDeviceSecond']).toBeCloseTo(3_500 / 2_628_000, 9);
    const report = await cli('cost', 'report', '--group-by', 'tenant', '--devices', '1');
    expect(report.stdout).toMatch(/TENANT\s+PICTURES\s+REJECTED\s+FAILED\s+DEVICE S\s+COST\s+EACH\s+HOSTED/);
    expect(report.stdout).toMatch(/total/);
    const budget = await cli('cost', 'budget', 'acme', '--hard', '100', '--json');
    expect(budget.json()).toMatchObject([{ soft: 0.001, hard: 100 }]);
    const off = await cli('cost', 'budget', 'acme', '--soft', 'none');
    expect(off.stdout).toContain('soft none, hard 100: within');
    const client = createClient({ fetch: async (input, init) => inject(String(input), init) });
    expect((await client.getBudget({ tenant: 'acme' })).hard).toBe(100);
    expect((await cli('cost', 'report', '--csv')).stdout).toContain('model,precision,size,pictures');
  });
});

async function inject(url: string, init?: RequestInit): Promise<Response> {
  const answer = await parts.app.inject({ method: (init?.method ?? 'GET') as 'GET', url });
  return new Response(answer.body, { status: answer.statusCode, headers: { 'content-type': 'application/json' } });
}
