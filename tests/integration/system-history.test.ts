import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Generation, SystemHistory, WorkerList } from '../../packages/api/src/index.ts';
import { issueKey } from '../support/access.ts';
import { openParts, untilReady } from '../support/server-parts.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;

let parts: Opened;
beforeAll(async () => {
  parts = await openParts({ device: 'fixed:10', alertIntervalSeconds: 0.05 });
  await untilReady(parts);
});
afterAll(() => parts.close());

const historyOf = async (query = ''): Promise<SystemHistory> =>
  (await parts.app.inject({ url: `/v1/system/history${query}` })).json();

it('the last hours are told from the records, with what was drawn and what waits', { timeout: 60_000 }, async () => {
  const payload = { prompt: 'a cup', width: 64, height: 64, steps: 1, count: 3 };
  const made = await parts.app.inject({ method: 'POST', url: '/v1/generations', payload });
  await parts.app.inject({ url: `/v1/generations/${made.json<Generation>().id}/events` });
  await expect
    .poll(async () => (await historyOf()).samples.reduce((sum, { succeeded }) => sum + succeeded, 0), {
      timeout: 40_000,
    })
    .toBe(3);
  const history = await historyOf('?minutes=60');
  expect(history.stepSeconds).toBe(20);
  expect(history.samples.at(-1)).toMatchObject({ queued: 0, running: 0, failed: 0 });
  expect(history.samples.at(-1)?.utilization).toBeGreaterThanOrEqual(0);
  // Another process reads the same: the points are in the records, not in the memory of this one.
  expect(await parts.store.alerts.history(0)).not.toEqual([]);
  const wide = await historyOf('?minutes=1440&points=10');
  expect(wide.samples.length).toBeLessThanOrEqual(11);
  expect((await parts.app.inject({ url: '/v1/system/history?minutes=1' })).statusCode).toBe(422);
});

it('the worker of a server that is alone tells its process, device, state and last heartbeat', async () => {
  const { items } = (await parts.app.inject({ url: '/v1/workers' })).json<WorkerList>();
  expect(items).toMatchObject([{ pid: process.pid, device: 'fixed:10', state: 'ready', jobs: 0, crashes: 0 }]);
  expect(Date.now() - Date.parse(items[0]?.seenAt ?? '')).toBeLessThan(10_000);
});

it('are nothing for those who do not operate the installation', async () => {
  const member = (await issueKey(parts, { role: 'member' })).headers;
  const other = (await issueKey(parts, { tenant: 'acme', role: 'admin' })).headers;
  for (const headers of [member, other]) {
    for (const url of ['/v1/workers', '/v1/system/history']) {
      expect((await parts.app.inject({ url, headers })).statusCode).toBe(403);
    }
  }
});
