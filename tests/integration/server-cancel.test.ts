import type { Generation, Job, Problem } from '@imagemill/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import { openParts, untilReady } from '../support/server-parts.ts';

const host = 'localhost';
let parts: Parts;

beforeEach(async () => {
  // A minute a picture: nothing ends by itself.
  parts = await openParts({ device: 'fixed:60000', slots: 1, drainMs: 0 });
  await untilReady(parts);
});
afterEach(() => parts.close());

async function call<T>(method: 'GET' | 'POST', url: string, payload?: object): Promise<{ status: number; body: T }> {
  const response = await parts.app.inject({ method, url, headers: { host }, ...(payload ? { payload } : {}) });
  return { status: response.statusCode, body: response.json<T>() };
}

async function submit(count: number): Promise<Generation> {
  return (await call<Generation>('POST', '/v1/generations', { prompt: 'a boat', count, steps: 100 })).body;
}

async function untilRunning(id: string): Promise<void> {
  // Injected requests leave no turn to sockets and timers: one is given between two looks.
  while ((await call<Job>('GET', `/v1/jobs/${id}`)).body.progress.step === 0) await new Promise(setImmediate);
}

/** The stream ends with the generation. */
async function eventsOf(generation: Generation): Promise<string[]> {
  const stream = await parts.app.inject({ url: generation.links.events, headers: { host } });
  return [...stream.payload.matchAll(/^event: (\S+)$/gm)].map(([, type]) => type ?? '');
}

describe('cancelling', () => {
  it('stops a picture that is being drawn at its next step, and the next one starts', async () => {
    const generation = await submit(2);
    const [first, second] = generation.jobs.map(({ id }) => id);
    await untilRunning(first ?? '');
    const { status, body } = await call<Job>('POST', `/v1/jobs/${first}/cancel`);
    expect([status, body.state, body.cancelRequested]).toEqual([200, 'running', true]);
    await untilRunning(second ?? '');
    expect((await call<Job>('GET', `/v1/jobs/${first}`)).body).toMatchObject({
      state: 'cancelled',
      cancelRequested: false,
      attempt: 1,
      attempts: [{ number: 1, outcome: 'cancelled' }],
    });
    expect((await call<Generation>('GET', generation.links.self)).body.state).toBe('running');
  });

  it('ends at once what waits, and all of a generation', async () => {
    const generation = await submit(3);
    await untilRunning(generation.jobs[0]?.id ?? '');
    const { body } = await call<Generation>('POST', generation.links.cancel);
    expect(body.jobs.map(({ state }) => state)).toEqual(['running', 'cancelled', 'cancelled']);
    const events = await eventsOf(generation);
    expect(events.filter((type) => type === 'job.cancelled')).toHaveLength(3);
    expect(events.at(-1)).toBe('generation.finished');
    expect((await call<Generation>('GET', generation.links.self)).body).toMatchObject({ state: 'cancelled' });
  });

  it('may be repeated, with or without an empty body', async () => {
    const generation = await submit(1);
    const url = `/v1/jobs/${generation.jobs[0]?.id}/cancel`;
    await call('POST', url);
    await eventsOf(generation);
    expect((await call<Job>('POST', url)).body.state).toBe('cancelled');
    const headers = { host, 'content-type': 'application/json' };
    expect((await parts.app.inject({ method: 'POST', url, headers, payload: '' })).statusCode).toBe(200);
    expect((await call<Generation>('POST', generation.links.cancel)).body.state).toBe('cancelled');
  });

  it('is refused once the picture is there, with the state', async () => {
    await parts.close();
    parts = await openParts({ device: 'fixed:0' });
    const generation = await submit(1);
    await eventsOf(generation);
    for (const url of [`/v1/jobs/${generation.jobs[0]?.id}/cancel`, generation.links.cancel]) {
      const { status, body } = await call<Problem>('POST', url);
      expect([status, body.code, body.details]).toMatchObject([409, 'already_final', { state: 'succeeded' }]);
    }
  });
});

describe('a server that drains', () => {
  it('accepts nothing new, hands back what takes too long, and still answers', async () => {
    const generation = await submit(1);
    await untilRunning(generation.jobs[0]?.id ?? '');
    const drained = parts.drain();
    const refused = await call<Problem>('POST', '/v1/generations', { prompt: 'a boat' });
    expect([refused.status, refused.body.code]).toEqual([503, 'shutting_down']);
    await drained;
    const { body } = await call<Generation>('GET', generation.links.self);
    expect(body.jobs[0]).toMatchObject({ state: 'queued', attempt: 1 });
    expect(body.jobs[0]?.error).toBeUndefined();
  });
});
