import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AuditPage, DeadLetterPage, Generation, GenerationPage } from '../../packages/api/src/index.ts';
import { issueKey } from '../support/access.ts';
import { openParts, untilReady } from '../support/server-parts.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;
type Headers = { readonly authorization?: string };

let parts: Opened;
const callers: Record<'ada' | 'ben' | 'acme' | 'machine', Headers> = { ada: {}, ben: {}, acme: {}, machine: {} };
beforeAll(async () => {
  parts = await openParts({ device: 'fixed:60000', slots: 8 });
  await untilReady(parts);
  callers.ada = (await issueKey(parts, { role: 'member' })).headers;
  callers.ben = (await issueKey(parts, { role: 'member' })).headers;
  callers.acme = (await issueKey(parts, { tenant: 'acme', role: 'admin' })).headers;
  await parts.app.inject({ method: 'POST', url: '/v1/queue/pause' });
  for (const [name, headers] of Object.entries(callers)) {
    const payload = { prompt: `a cup for ${name}`, width: 64, height: 64, steps: 100, maxRetries: 0 };
    const answer = await parts.app.inject({ method: 'POST', url: '/v1/generations', payload, headers });
    expect(answer.statusCode, answer.body).toBe(202);
  }
});
afterAll(() => parts.close());

async function open(query: string, headers: Headers = {}): Promise<readonly Generation[]> {
  const answer = await parts.app.inject({ url: `/v1/generations?state=queued${query}`, headers });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<GenerationPage>().items;
}

const namesOf = (found: readonly Generation[]) => found.map(({ prompt }) => prompt.replace('a cup for ', '')).sort();

it('what is open is listed for one who asked, for the tenant, and for all tenants to their admins', async () => {
  expect(namesOf(await open('&mine=true', callers.ada))).toEqual(['ada']);
  expect(namesOf(await open('&mine=false', callers.ada))).toEqual(['ada', 'ben', 'machine']);
  expect(namesOf(await open('&mine=true'))).toEqual(['machine']);
  expect(namesOf(await open('&tenant=acme'))).toEqual(['acme']);
  const all = await open('&tenant=*');
  expect(namesOf(all)).toEqual(['acme', 'ada', 'ben', 'machine']);
  expect(all.map(({ tenant }) => tenant).filter((tenant) => tenant !== undefined)).toEqual(['acme']);
});

it('nobody but an admin of the installation names another tenant', async () => {
  for (const [headers, tenant] of [
    [callers.ada, 'acme'],
    [callers.ada, '*'],
    [callers.acme, 'default'],
    [callers.acme, '*'],
  ] as const) {
    for (const path of ['generations', 'dead-letters']) {
      const answer = await parts.app.inject({ url: `/v1/${path}?tenant=${encodeURIComponent(tenant)}`, headers });
      expect([path, tenant, answer.statusCode]).toEqual([path, tenant, 404]);
    }
    const [theirs] = await open('&tenant=*');
    const url = `/v1/generations/${theirs?.id}/cancel?tenant=${encodeURIComponent(tenant)}`;
    expect((await parts.app.inject({ method: 'POST', url, headers })).statusCode).not.toBe(200);
  }
  expect(await open('&tenant=*')).toHaveLength(4);
});

it('dead letters are listed and redriven by who asked, and an admin of the installation sees to those of a tenant', async () => {
  const dead = async (query: string, headers: Headers = {}) =>
    (await parts.app.inject({ url: `/v1/dead-letters${query}`, headers })).json<DeadLetterPage>().items;
  await dieAll(4);
  expect(await dead('?mine=true', callers.ada)).toHaveLength(1);
  expect(await dead('', callers.ada)).toHaveLength(3);
  expect(await dead('?tenant=*')).toHaveLength(4);
  const [theirs] = await dead('?tenant=acme');
  expect(theirs?.tenant).toBe('acme');
  const redrive = (payload: object, headers: Headers) =>
    parts.app.inject({ method: 'POST', url: '/v1/dead-letters/redrive', payload, headers });
  expect((await redrive({ mine: true }, callers.ben)).json()).toEqual({ redriven: 1 });
  expect(namesOf(await open('', callers.ben))).toEqual(['ben']);
  expect(await dead('?mine=true', callers.ben)).toEqual([]);
  const url = `/v1/jobs/${theirs?.id}/redrive`;
  expect((await parts.app.inject({ method: 'POST', url })).statusCode).toBe(404);
  expect((await parts.app.inject({ method: 'POST', url: `${url}?tenant=acme` })).statusCode).toBe(200);
});

it('what an admin does to the work of another tenant stands in the logs of both, and what a tenant does itself in none', async () => {
  const payload = { prompt: 'a jug for acme', width: 64, height: 64, steps: 100, count: 2 };
  const post = (url: string, body?: object, headers: Headers = {}) =>
    parts.app.inject({ method: 'POST', url, headers, ...(body && { payload: body }) });
  const { id, jobs } = (await post('/v1/generations', payload, callers.acme)).json<Generation>();
  const [first, second] = jobs;
  expect((await post(`/v1/jobs/${first?.id}/cancel`, undefined, callers.acme)).statusCode).toBe(200);
  expect((await post(`/v1/jobs/${second?.id}/priority`, { priority: 'standard' }, callers.acme)).statusCode).toBe(200);
  expect((await post(`/v1/jobs/${second?.id}/priority?tenant=acme`, { priority: 'bulk' })).statusCode).toBe(200);
  expect((await post(`/v1/generations/${id}/cancel?tenant=acme`)).statusCode).toBe(200);
  const other = (await post('/v1/generations', { ...payload, count: 1 }, callers.acme)).json<Generation>();
  expect((await post(`/v1/jobs/${other.jobs[0]?.id}/cancel?tenant=acme`)).statusCode).toBe(200);
  expect((await post(`/v1/jobs/${other.jobs[0]?.id}/cancel?tenant=acme`)).statusCode).toBe(200);
  const deeds = async (query: string, headers: Headers = {}) => {
    const { items } = (await parts.app.inject({ url: `/v1/audit?limit=100${query}`, headers })).json<AuditPage>();
    return items.filter(({ action }) => /^(job|generation)\./.test(action)).reverse();
  };
  const theirs = await deeds('', callers.acme);
  expect(theirs).toMatchObject([
    { action: 'job.redriven', before: { state: 'dead' } },
    { action: 'job.reprioritized', target: second?.id, before: { priority: 'standard' }, after: { priority: 'bulk' } },
    { action: 'generation.cancelled', target: id, before: { openJobs: 1 } },
    { action: 'job.cancelled', target: other.jobs[0]?.id, before: { state: 'queued' } },
  ]);
  expect(theirs.map(({ actor }) => actor.name)).toEqual(Array.from(theirs, () => 'this machine'));
  expect((await deeds('')).map(({ action, target }) => [action, target])).toEqual(
    theirs.map(({ action, target }) => [action, target]),
  );
});

it('whoever stops the queue of all tenants and lets it go on stands in the log of the installation', async () => {
  const { items } = (await parts.app.inject({ url: '/v1/audit?action=queue.paused' })).json<AuditPage>();
  expect(items[0]).toMatchObject({ action: 'queue.paused', target: 'queue', actor: { name: 'this machine' } });
  const resumed = (await parts.app.inject({ url: '/v1/audit?action=queue.resumed' })).json<AuditPage>();
  expect(resumed.items).toHaveLength(items.length - 1);
});

/** Draws what waits and kills the engine once all of it is under way. */
async function dieAll(count: number): Promise<void> {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  const seen = { started: 0, failed: 0 };
  const stop = parts.store.onStored(({ type }) => {
    if (type === 'job.started') seen.started += 1;
    if (type === 'job.failed') seen.failed += 1;
    if (type === 'job.started' && seen.started === count) process.kill(parts.engine.pid ?? 0, 'SIGKILL');
    if (seen.failed === count) resolve();
  });
  await parts.app.inject({ method: 'POST', url: '/v1/queue/resume' });
  await promise;
  stop();
  await parts.app.inject({ method: 'POST', url: '/v1/queue/pause' });
}
