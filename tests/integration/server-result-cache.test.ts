import type { Generation } from '@imagemill/api';
import { afterEach, expect, it } from 'vitest';
import { issueKey } from '../support/access.ts';
import { openParts, untilReady } from '../support/server-parts.ts';

let parts: Awaited<ReturnType<typeof openParts>>;
afterEach(() => parts.close());

async function start(resultCacheEntries: number): Promise<void> {
  parts = await openParts({ device: 'fixed:0', requireKey: true, resultCacheEntries });
  await untilReady(parts);
}

/** Draws for a tenant and waits for the end. */
async function draw(tenant: string, fields: object = {}): Promise<Generation> {
  const { headers } = await issueKey(parts, { tenant });
  const payload = { prompt: 'a boat', seed: 7, width: 64, height: 64, ...fields };
  const answer = await parts.app.inject({ method: 'POST', url: '/v1/generations', headers, payload });
  const { links } = answer.json<Generation>();
  await parts.app.inject({ url: links.events, headers });
  return (await parts.app.inject({ url: links.self, headers })).json<Generation>();
}

const assetOf = ({ jobs }: Generation): string | undefined => jobs[0]?.asset?.id;
const warningsOf = ({ jobs }: Generation): readonly string[] => (jobs[0]?.warnings ?? []).map(({ code }) => code);

it('the same settings give a tenant the same asset again, and the job says so', async () => {
  await start(100);
  const first = await draw('a');
  const again = await draw('a');
  expect(again.state).toBe('succeeded');
  expect(assetOf(again)).toBe(assetOf(first));
  expect([warningsOf(first), warningsOf(again)]).toEqual([[], ['result_reused']]);
});

it('another tenant, seed or prompt gets a picture of its own', async () => {
  await start(100);
  const all = [await draw('a'), await draw('b'), await draw('a', { seed: 8 }), await draw('a', { prompt: 'a train' })];
  expect(new Set(all.map(assetOf)).size).toBe(4);
  for (const generation of all) expect(warningsOf(generation)).toEqual([]);
});

it('the oldest results are forgotten beyond the bound', async () => {
  await start(1);
  const first = await draw('a');
  await draw('a', { seed: 8 });
  expect(warningsOf(await draw('a', { seed: 8 }))).toEqual(['result_reused']);
  expect(assetOf(await draw('a'))).not.toBe(assetOf(first));
});

it('without the setting everything is drawn anew', async () => {
  await start(0);
  expect(assetOf(await draw('a'))).not.toBe(assetOf(await draw('a')));
});

it('another label policy gives another picture, whose file carries the new label', async () => {
  await start(100);
  const { headers } = await issueKey(parts, {});
  const first = await draw('a');
  const change = { labels: { aiLabelProducer: 'ACME' } };
  const url = '/v1/tenants/a';
  const changed = await parts.app.inject({ method: 'PATCH', url, headers, payload: change });
  expect(changed.json()).toMatchObject(change);
  const second = await draw('a');
  expect(warningsOf(second)).toEqual([]);
  expect(assetOf(second)).not.toBe(assetOf(first));
  const back = await parts.app.inject({
    method: 'PATCH',
    url,
    headers,
    payload: { labels: { aiLabelProducer: null } },
  });
  expect(back.json()).toMatchObject({ labels: {} });
  expect(assetOf(await draw('a'))).toBe(assetOf(first));
});
