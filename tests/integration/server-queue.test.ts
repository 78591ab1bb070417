import type { DeadLetterPage, Generation, Job, JobDetail, Problem, QueueStatus, RedriveResult } from '@imagemill/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generationId } from '../../apps/server/src/domain/ids.ts';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import { openParts, untilReady } from '../support/server-parts.ts';

let parts: Parts;
beforeEach(async () => {
  parts = await openParts({ device: 'fixed:0', retryPauseMs: 0 });
  await untilReady(parts);
});
afterEach(() => parts.close());

interface Answer<T> {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: T;
}

async function call<T>(
  method: 'GET' | 'POST',
  url: string,
  payload?: object,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer<T>> {
  const headers = { host: 'localhost', ...(payload && { 'content-type': 'application/json' }), ...more };
  const response = await parts.app.inject({ method, url, headers, ...(payload && { payload }) });
  return { status: response.statusCode, headers: response.headers, body: response.json<T>() };
}

const submit = <T = Generation>(body: object, key?: string): Promise<Answer<T>> =>
  call<T>('POST', '/v1/generations', body, key === undefined ? {} : { 'idempotency-key': key });
const pause = () => call<QueueStatus>('POST', '/v1/queue/pause');
const resume = () => call<QueueStatus>('POST', '/v1/queue/resume');
const detail = async (job: Job | undefined) => (await call<JobDetail>('GET', `/v1/jobs/${job?.id}`)).body;

/** Follows the event stream to its end, so that the generation has ended. */
async function finish(generation: Generation): Promise<Generation> {
  await parts.app.inject({ url: generation.links.events, headers: { host: 'localhost' } });
  return (await call<Generation>('GET', generation.links.self)).body;
}

describe('a request with an idempotency key', () => {
  it('gets the first answer again, whatever became of its pictures, and draws nothing twice', async () => {
    const first = await submit({ prompt: 'a boat', count: 2 }, 'order-1');
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    await finish(first.body);
    const again = await submit({ count: 2, prompt: 'a boat' }, 'order-1');
    expect(again).toMatchObject({ status: 202, body: first.body });
    expect(again.headers).toMatchObject({ 'idempotency-replayed': 'true', location: first.headers['location'] });
    expect((await call<{ items: unknown[] }>('GET', '/v1/generations')).body.items).toHaveLength(1);
  });

  it('is refused with another body', async () => {
    await submit({ prompt: 'a boat' }, 'order-2');
    const other = await submit<Problem>({ prompt: 'a train' }, 'order-2');
    expect(other).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused', retryable: false } });
  });

  it('gives one generation when it is sent many times at once', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => submit({ prompt: 'a boat' }, 'order-3')));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect((await call<{ items: unknown[] }>('GET', '/v1/generations')).body.items).toHaveLength(1);
  });

  it('is not bound by one that failed', async () => {
    expect((await submit({ prompt: '' }, 'order-4')).status).toBe(422);
    expect((await submit({ prompt: 'a boat' }, 'order-4')).status).toBe(202);
  });

  it.each([
    ['empty', ''],
    ['too long', 'x'.repeat(256)],
    ['of other characters', 'ein Schlüssel'],
  ])('is refused when the key is %s', async (_, key) => {
    expect(await submit<Problem>({ prompt: 'a boat' }, key)).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'idempotency-key' }] },
    });
  });
});

describe('the queue', () => {
  it('starts nothing while it is paused, says what waits, and goes on', async () => {
    expect((await pause()).body).toMatchObject({ paused: true, pausedSince: expect.any(String) });
    const { body } = await submit({ prompt: 'a boat', count: 3, priority: 'bulk' });
    const status = (await call<QueueStatus>('GET', '/v1/queue')).body;
    expect(status).toMatchObject({
      paused: true,
      classes: {
        interactive: { queued: 0, predictedSeconds: 0 },
        bulk: { queued: 3, running: 0, backingOff: 0, predictedSeconds: 3, oldestSeconds: expect.any(Number) },
      },
      deadLetters: 0,
    });
    expect((await resume()).body).toMatchObject({ paused: false });
    expect((await finish(body)).state).toBe('succeeded');
  });

  it('tells a job that waits its place, and how long it may take once a picture was measured', async () => {
    await pause();
    const first = (await submit({ prompt: 'a boat', count: 2 })).body;
    const second = (await submit({ prompt: 'a train' })).body;
    expect(await detail(second.jobs[0])).toMatchObject({ priority: 'standard', queuePosition: 3 });
    expect((await detail(second.jobs[0])).estimatedSeconds).toBeUndefined();
    const moved = await call<Job>('POST', `/v1/jobs/${second.jobs[0]?.id}/priority`, { priority: 'interactive' });
    expect(moved.status).toBe(200);
    expect(await detail(second.jobs[0])).toMatchObject({ priority: 'interactive', queuePosition: 1 });
    expect(await detail(first.jobs[1])).toMatchObject({ queuePosition: 3 });
    await resume();
    await finish(first);
    const done = await finish(second);
    expect((await detail(done.jobs[0])).queuePosition).toBeUndefined();

    await pause();
    const third = (await submit({ prompt: 'a boat' })).body;
    // Nobody knows when a paused queue goes on.
    expect(await detail(third.jobs[0])).toMatchObject({ queuePosition: 1 });
    expect((await detail(third.jobs[0])).estimatedSeconds).toBeUndefined();
    const late = await call<Problem>('POST', `/v1/jobs/${done.jobs[0]?.id}/priority`, { priority: 'bulk' });
    expect(late).toMatchObject({ status: 409, body: { code: 'already_final' } });
  });

  it('tells what a picture may take while the queue runs, from what was measured', async () => {
    await parts.close();
    parts = await openParts({ device: 'fixed:100', retryPauseMs: 0 });
    await untilReady(parts);
    await finish((await submit({ prompt: 'a boat' })).body);
    const many = (await submit({ prompt: 'a train', count: 40 })).body;
    expect((await detail(many.jobs.at(-1))).estimatedSeconds).toBeGreaterThan(0);
  });

  it('shows class, deadline and repeats of a generation, and refuses what makes no sense', async () => {
    const asked = { deadline: '2030-01-01T01:00:00+01:00', maxRetries: 1, retryBackoffSeconds: 0.5 };
    const { body } = await submit({ prompt: 'a boat', priority: 'interactive', ...asked });
    expect(body).toMatchObject({ ...asked, priority: 'interactive', deadline: '2030-01-01T00:00:00.000Z' });
    expect((await submit({ prompt: 'a boat' })).body).toMatchObject({ priority: 'standard', maxRetries: 3 });
    for (const wrong of [{ priority: 'urgent' }, { deadline: 'soon' }, { deadline: -1 }, { maxRetries: 21 }]) {
      const { status, body: problem } = await submit<Problem>({ prompt: 'a boat', ...wrong });
      expect(status).toBe(422);
      expect(problem.errors?.[0]?.field).toBe(Object.keys(wrong)[0]);
    }
  });
});

describe('dead letters', () => {
  /** Jobs whose engine process is killed under each attempt. */
  async function dieAll(count: number): Promise<Generation> {
    await parts.close();
    parts = await openParts({ device: 'fixed:60000', slots: 8 });
    await untilReady(parts);
    const { body } = await submit({ prompt: 'a boat', count, maxRetries: 0, steps: 100 });
    const stop = parts.store.onStored((event) => {
      const { pid } = parts.engine;
      if (event.type === 'job.started' && event.index === count - 1 && pid) process.kill(pid, 'SIGKILL');
    });
    const done = await finish(body);
    stop();
    return done;
  }

  it('are listed with the errors of all attempts, in pages, and queued again one by one or together', async () => {
    const done = await dieAll(3);
    expect(done.jobs.map(({ state }) => state)).toEqual(['dead', 'dead', 'dead']);
    const page = (await call<DeadLetterPage>('GET', '/v1/dead-letters?limit=2')).body;
    expect(page.items.map(({ id }) => id)).toEqual([done.jobs[2]?.id, done.jobs[1]?.id]);
    expect(page.items[0]?.attempts).toMatchObject([{ outcome: 'failed', error: { code: 'engine_crashed' } }]);
    const rest = (await call<DeadLetterPage>('GET', `/v1/dead-letters?cursor=${page.nextCursor}`)).body;
    expect(rest.items.map(({ id }) => id)).toEqual([done.jobs[0]?.id]);
    expect(rest.nextCursor).toBeUndefined();

    await pause();
    const one = await call<Job>('POST', `/v1/jobs/${done.jobs[0]?.id}/redrive`);
    expect(one).toMatchObject({ status: 200, body: { state: 'queued', attempt: 1 } });
    const again = await call<Problem>('POST', `/v1/jobs/${done.jobs[0]?.id}/redrive`);
    expect(again).toMatchObject({ status: 409, body: { code: 'not_redrivable', details: { state: 'queued' } } });
    expect((await call<Generation>('GET', done.links.self)).body).toMatchObject({ state: 'running' });
    const none = await call<RedriveResult>('POST', '/v1/dead-letters/redrive', { code: 'disk_full' });
    expect(none.body).toEqual({ redriven: 0 });
    const all = await call<RedriveResult>('POST', '/v1/dead-letters/redrive', { code: 'engine_crashed' });
    expect(all.body).toEqual({ redriven: 2 });
    expect((await call<QueueStatus>('GET', '/v1/queue')).body).toMatchObject({ deadLetters: 0 });
  });

  it('make their generation go on after its first end, for those who follow it too', async () => {
    const done = await dieAll(1);
    await call<RedriveResult>('POST', '/v1/dead-letters/redrive', { generationId: done.id });
    const cancelled = await call<Generation>('POST', done.links.cancel);
    expect(cancelled.status).toBe(200);
    const { payload } = await parts.app.inject({ url: done.links.events, headers: { host: 'localhost' } });
    const types = [...payload.matchAll(/^event: (.*)$/gm)]
      .map(([, type]) => type)
      .filter((type) => type !== 'job.step');
    expect(types.filter((type) => type === 'generation.finished')).toHaveLength(2);
    expect(types.at(-1)).toBe('generation.finished');
    expect((await call<Generation>('GET', done.links.self)).body.state).toBe('cancelled');
  });
});

describe('an interactive job', () => {
  it('overtakes bulk work that holds every slot, at the next step', async () => {
    const own = await openParts({ device: 'fixed:1600', slots: 1 });
    try {
      await untilReady(own);
      const post = async (body: object): Promise<Generation> => {
        const headers = { host: 'localhost', 'content-type': 'application/json' };
        return (await own.app.inject({ method: 'POST', url: '/v1/generations', headers, payload: body })).json();
      };
      const ended = async (generation: Generation): Promise<Job | undefined> => {
        await own.app.inject({ url: generation.links.events, headers: { host: 'localhost' } });
        const response = await own.app.inject({ url: generation.links.self, headers: { host: 'localhost' } });
        return response.json<Generation>().jobs[0];
      };
      const bulk = await post({ prompt: 'a boat', priority: 'bulk', steps: 8 });
      await new Promise<void>((resolve) => {
        const stop = own.store.feed.subscribe(generationId(bulk.id), ({ type }) => {
          if (type !== 'job.step') return;
          stop();
          resolve();
        });
      });
      const urgent = await post({ prompt: 'a train', priority: 'interactive', steps: 8 });
      const [first, last] = await Promise.all([ended(urgent), ended(bulk)]);
      expect([first?.state, last?.state]).toEqual(['succeeded', 'succeeded']);
      expect(last?.attempt).toBe(1);
      expect(Date.parse(first?.finishedAt ?? '')).toBeLessThan(Date.parse(last?.finishedAt ?? ''));
    } finally {
      await own.close();
    }
  });
});

describe('a size that is over the limit', () => {
  const wanted = { prompt: 'a boat', width: 4096, height: 4096 };

  it('is refused unless the request says otherwise', async () => {
    const answer = await submit<Problem>(wanted);
    expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
  });

  it('is drawn smaller when the request allows it, and the answer says so', async () => {
    const { status, body } = await submit({ ...wanted, oversize: 'fit' });
    expect(status).toBe(202);
    const message = `4096 × 4096 was drawn as ${body.width} × ${body.height}.`;
    expect(body).toMatchObject({ oversize: 'fit', warnings: [{ code: 'size_reduced', message }] });
    expect(body.width % 64).toBe(0);
    const done = await finish(body);
    expect(done.jobs[0]?.asset).toMatchObject({ width: body.width, height: body.height });
    expect(done.warnings).toEqual(body.warnings);
  });
});
