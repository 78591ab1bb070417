import type { Generation } from '@imagemill/api';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Limits } from '../../apps/server/src/domain/access/limits.ts';
import { tenantId } from '../../apps/server/src/domain/ids.ts';
import { issueKey } from '../support/access.ts';
import { openParts, untilReady } from '../support/server-parts.ts';

let parts: Awaited<ReturnType<typeof openParts>>;
beforeEach(async () => {
  parts = await openParts({ device: 'fixed:2', slots: 2, requireKey: true, durability: 'normal' });
  await untilReady(parts);
});
afterEach(() => parts.close());

interface Client {
  submit(count: number): Promise<Generation>;
}

/** A tenant with a share and limits of its own, over the API. */
async function clientOf(name: string, { weight = 1, limits = {} }: { weight?: number; limits?: Limits }) {
  const { headers } = await issueKey(parts, { tenant: name });
  const id = tenantId(name);
  await parts.access.store.transact((transaction) =>
    transaction.saveTenant({ id, name, createdAt: 0, disabledAt: undefined, weight, limits }),
  );
  const client: Client = {
    async submit(count) {
      const payload = { prompt: 'a boat', count, width: 64, height: 64, priority: 'bulk' };
      const answer = await parts.app.inject({ method: 'POST', url: '/v1/generations', headers, payload });
      expect(answer.statusCode).toBe(202);
      return answer.json();
    },
  };
  return client;
}

/** Whose pictures are started, in order, until there are so many. */
function starts(count: number): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const tenants: string[] = [];
    const stop = parts.store.onStored((event) => {
      if (event.type !== 'job.started' || tenants.push(event.tenantId) < count) return;
      stop();
      resolve(tenants);
    });
  });
}

async function turnQueue(way: 'pause' | 'resume'): Promise<void> {
  const { headers } = await issueKey(parts, {});
  expect((await parts.app.inject({ method: 'POST', url: `/v1/queue/${way}`, headers })).statusCode).toBe(200);
}

it('five pictures of one tenant wait for no more than a few of the 500 that another sent first', async () => {
  const [flood, small] = [await clientOf('flood', {}), await clientOf('small', {})];
  await turnQueue('pause');
  for (let part = 0; part < 5; part++) await flood.submit(100);
  await small.submit(5);
  const order = starts(20);
  await turnQueue('resume');
  const places = (await order).flatMap((tenant, at) => (tenant === 'small' ? [at] : []));
  expect(places).toHaveLength(5);
  expect(places.at(-1)).toBeLessThan(14);
});

it('the device is shared by the weights of the tenants within 10 %', async () => {
  const [heavy, light] = [await clientOf('heavy', { weight: 3 }), await clientOf('light', {})];
  await turnQueue('pause');
  for (let part = 0; part < 3; part++) await heavy.submit(100);
  for (let part = 0; part < 3; part++) await light.submit(100);
  const order = starts(240);
  await turnQueue('resume');
  const share = (await order).filter((tenant) => tenant === 'heavy').length / 240;
  expect(share).toBeGreaterThan(0.75 * 0.9);
  expect(share).toBeLessThan(0.75 * 1.1);
});

it('a tenant has no more pictures under way than its limit allows', async () => {
  const narrow = await clientOf('narrow', { limits: { maxRunning: 1 } });
  let [running, most] = [0, 0];
  const finished = new Promise<void>((resolve) => {
    parts.store.onStored((event) => {
      if (event.type === 'job.started') most = Math.max(most, ++running);
      if (event.type === 'job.succeeded') running -= 1;
      if (event.type === 'generation.finished') resolve();
    });
  });
  await narrow.submit(12);
  await finished;
  expect({ running, most }).toEqual({ running: 0, most: 1 });
});
