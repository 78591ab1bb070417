import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assetId, DEFAULT_TENANT, generationId, jobId, workerId } from './ids.ts';
import {
  accept,
  acknowledgeCancel,
  claim,
  complete,
  expire,
  failAttempt,
  interrupt,
  isFinal,
  type Job,
  type JobFault,
  newJob,
  type QueuedJob,
  type RunningJob,
  redraw,
  redrive,
  release,
  renew,
  requestCancel,
} from './job.ts';

const retry = { maxInterruptions: 10 };
const passing: JobFault = { code: 'engine_crashed', message: 'it crashed', details: {}, retryable: true };
const lasting: JobFault = { code: 'model_unusable', message: 'damaged', details: {}, retryable: false };
const timings = { queueMs: 1, loadMs: 0, encodeMs: 1, denoiseMs: 1, decodeMs: 1, storeMs: 1, totalMs: 5 };
const request = { workerId: workerId('w1'), now: 1_000, leaseMs: 5_000 };

function queued(fields: Partial<QueuedJob> = {}): QueuedJob {
  const job = newJob({
    id: jobId('j1'),
    tenantId: DEFAULT_TENANT,
    generationId: generationId('g1'),
    index: 0,
    seed: 7,
    priority: 'standard',
    createdAt: 0,
    place: { startTag: 0, costMs: 1, chargeMs: 1, shapeKey: '64x64 demo', dueAt: undefined },
    maxAttempts: 4,
    backOffMs: 5_000,
  });
  return { ...job, ...fields };
}

function running(fields: Partial<RunningJob> = {}): RunningJob {
  const job = claim(queued(), request);
  if (job === undefined) throw new Error('a new job can be claimed');
  return { ...job, ...fields };
}

describe('a job whose picture failed the quality gate', () => {
  const held: JobFault = { code: 'picture_held', message: 'held', details: {}, retryable: false };
  const picture = { assetId: assetId('a1'), timings, warnings: [], quality: undefined };

  it('goes back to the queue at once with another seed, which is no failure, and remembers the first', () => {
    const job = running();
    const again = redraw(job, job.lease.token, { seed: 99, fault: passing, now: 2_000 });
    expect(again).toMatchObject({ state: 'queued', seed: 99, triedSeeds: [7], failures: 0, notBefore: 2_000 });
  });

  it('is cancelled instead when that was asked for, and left alone when it was lost', () => {
    const job = running({ cancelRequested: true });
    expect(redraw(job, job.lease.token, { seed: 9, fault: passing, now: 2 })).toMatchObject({
      state: 'cancelled',
      seed: 7,
    });
    expect(redraw(job, job.lease.token + 1, { seed: 9, fault: passing, now: 2 })).toBeUndefined();
  });

  it('succeeds with the picture that was held back once that is accepted', () => {
    const job = running();
    const failed = failAttempt(job, job.lease.token, { fault: held, now: 3_000 });
    expect(failed?.state).toBe('failed');
    const accepted = failed && accept(failed, picture);
    expect(accepted).toMatchObject({ state: 'succeeded', assetId: 'a1', finishedAt: 3_000, lastFault: undefined });
  });

  it('cannot be given a picture when it failed for another reason, or has one', () => {
    const job = running();
    const failed = failAttempt(job, job.lease.token, { fault: lasting, now: 3_000 });
    expect(failed && accept(failed, picture)).toBeUndefined();
    const done = complete(job, job.lease.token, { ...picture, now: 3_000 });
    expect(done && accept(done, picture)).toBeUndefined();
  });
});

describe('a job', () => {
  it('gets a lease with a new token and the next attempt number when it is claimed', () => {
    const job = claim(queued({ attempt: 2, lastToken: 9 }), request);
    expect(job).toMatchObject({
      state: 'running',
      attempt: 3,
      lastToken: 10,
      startedAt: 1_000,
      cancelRequested: false,
    });
    expect(job?.lease).toEqual({ token: 10, workerId: 'w1', expiresAt: 6_000 });
  });

  it('is not claimed before its time', () => {
    expect(claim(queued({ notBefore: 1_001 }), request)).toBeUndefined();
  });

  it('ends as succeeded with its picture', () => {
    const job = complete(running(), 1, { assetId: assetId('a1'), timings, now: 3_000 });
    expect(job).toMatchObject({ state: 'succeeded', assetId: 'a1', finishedAt: 3_000, attempt: 1 });
    expect(job).not.toHaveProperty('lease');
  });

  it('is queued again with a pause after a fault that may pass', () => {
    const job = failAttempt(running(), 1, { fault: passing, now: 2_000 });
    expect(job).toMatchObject({ state: 'queued', notBefore: 7_000, failures: 1, lastFault: passing });
  });

  it('fails at once by a fault that a repeat would not mend', () => {
    const job = failAttempt(running(), 1, { fault: lasting, now: 2_000 });
    expect(job).toMatchObject({ state: 'failed', finishedAt: 2_000, lastFault: lasting });
  });

  it('is dead after its last attempt', () => {
    const job = failAttempt(running({ failures: 3 }), 1, { fault: passing, now: 2_000 });
    expect(job).toMatchObject({ state: 'dead', failures: 4 });
  });

  it('goes back to the queue when its lease has expired, not earlier', () => {
    expect(expire(running(), 5_999, retry)).toBeUndefined();
    expect(expire(running(), 6_000, retry)).toMatchObject({ state: 'queued', notBefore: 6_000, interruptions: 1 });
  });

  it('is given up when its worker went away too often', () => {
    const job = interrupt(running({ interruptions: 10 }), 2_000, retry);
    expect(job).toMatchObject({ state: 'dead', lastFault: { code: 'lease_expired' } });
  });

  it('keeps its count of failures and interruptions when it is handed back', () => {
    const job = release(running(), 1, { now: 2_000, notBefore: 2_500 });
    expect(job).toMatchObject({ state: 'queued', notBefore: 2_500, failures: 0, interruptions: 0, attempt: 1 });
  });

  it('is cancelled at once while it waits', () => {
    expect(requestCancel(queued(), 500)).toMatchObject({ state: 'cancelled', finishedAt: 500, startedAt: undefined });
  });

  it.each([
    ['a picture', (job: Job) => complete(job, 1, { assetId: assetId('a'), timings, now: 9 })],
    ['a fault', (job: Job) => failAttempt(job, 1, { fault: passing, now: 9 })],
    ['being handed back', (job: Job) => release(job, 1, { now: 9, notBefore: 9 })],
    ['the engine saying so', (job: Job) => acknowledgeCancel(job, 1, 9)],
    ['its worker going away', (job: Job) => (job.state === 'running' ? interrupt(job, 9, retry) : undefined)],
  ])('whose cancel was accepted while it ran is cancelled by %s', (_, end) => {
    expect(end(requestCancel(running(), 8))).toMatchObject({ state: 'cancelled', finishedAt: 9 });
  });

  it.each([
    ['renewed', (job: Job) => renew(job, 99, 9, 9)],
    ['completed', (job: Job) => complete(job, 99, { assetId: assetId('a'), timings, now: 9 })],
    ['failed', (job: Job) => failAttempt(job, 99, { fault: passing, now: 9 })],
    ['released', (job: Job) => release(job, 99, { now: 9, notBefore: 9 })],
    ['cancelled by the engine', (job: Job) => acknowledgeCancel(job, 99, 9)],
  ])('is not %s under a token that is not the current one', (_, end) => {
    expect(end(running())).toBeUndefined();
  });
});

/** What a number of workers, an impatient user and a reaper may do to one job, in any order. */
const act = fc.oneof(
  fc.record({ do: fc.constant('claim' as const) }),
  fc.record({
    do: fc.constantFrom('complete', 'failPassing', 'failLasting', 'release', 'acknowledge', 'renew'),
    token: fc.integer({ min: 1, max: 12 }),
  }),
  fc.record({ do: fc.constantFrom('cancel' as const, 'expire' as const, 'interrupt' as const) }),
);
type Act = { do: string; token?: number };

function apply(job: Job, { do: what, token = 0 }: Act, now: number): Job | undefined {
  switch (what) {
    case 'claim':
      return job.state === 'queued' ? claim(job, { workerId: workerId('w'), now, leaseMs: 3_000 }) : undefined;
    case 'complete':
      return complete(job, token, { assetId: assetId('a'), timings, now });
    case 'failPassing':
      return failAttempt(job, token, { fault: passing, now });
    case 'failLasting':
      return failAttempt(job, token, { fault: lasting, now });
    case 'release':
      return release(job, token, { now, notBefore: now });
    case 'acknowledge':
      return acknowledgeCancel(job, token, now);
    case 'renew':
      return renew(job, token, now, 3_000);
    case 'cancel':
      return requestCancel(job, now);
    case 'expire':
      return job.state === 'running' ? expire(job, now, retry) : undefined;
    default:
      return job.state === 'running' ? interrupt(job, now, retry) : undefined;
  }
}

describe('whatever happens in whatever order', () => {
  const story = fc.array(fc.tuple(act, fc.integer({ min: 0, max: 7_000 })), { maxLength: 40 });

  function walk(acts: readonly (readonly [Act, number])[], check: (before: Job, after: Job, what: Act) => void): void {
    let job: Job = queued();
    let now = 0;
    for (const [what, pause] of acts) {
      now += pause;
      const after = apply(job, what, now);
      if (after === undefined) continue;
      check(job, after, what);
      job = after;
    }
  }

  it('a final state never changes', () => {
    fc.assert(
      fc.property(story, (acts) =>
        walk(acts, (before, after) => {
          if (isFinal(before)) expect(after).toBe(before);
        }),
      ),
    );
  });

  it('no two leases are alive: each claim has a token above all before, and only the last one is obeyed', () => {
    fc.assert(
      fc.property(story, (acts) => {
        let highest = 0;
        walk(acts, (before, after, what) => {
          if (what.do === 'claim' && after.state === 'running') {
            expect(after.lease.token).toBeGreaterThan(highest);
            highest = after.lease.token;
          }
          if (what.token !== undefined) expect(before.state === 'running' && before.lease.token).toBe(what.token);
          expect(after.lastToken).toBe(highest);
        });
      }),
    );
  });

  it('a job whose cancel was accepted never succeeds and is never claimed again', () => {
    fc.assert(
      fc.property(story, (acts) => {
        let isCancelAccepted = false;
        walk(acts, (before, after, what) => {
          isCancelAccepted ||= what.do === 'cancel' && !isFinal(before);
          if (isCancelAccepted) expect(['running', 'cancelled']).toContain(after.state);
        });
      }),
    );
  });

  it('attempts are numbered without gaps and limits end the job', () => {
    fc.assert(
      fc.property(story, (acts) =>
        walk(acts, (before, after) => {
          expect(after.attempt - before.attempt).toBe(before.state === 'queued' && after.state === 'running' ? 1 : 0);
          if (after.state === 'queued') {
            expect(after.failures).toBeLessThan(after.maxAttempts);
            expect(after.interruptions).toBeLessThanOrEqual(retry.maxInterruptions);
          }
        }),
      ),
    );
  });
});

describe('an operator', () => {
  const place = { startTag: 9, costMs: 1, chargeMs: 1, shapeKey: '64x64 demo', dueAt: undefined };

  it('may have a dead or failed job tried again, with all attempts before it and its tokens counting on', () => {
    const failed = failAttempt(running({ attempt: 7, interruptions: 2 }), 1, { fault: lasting, now: 2_000 });
    if (failed === undefined) throw new Error('the job was held');
    const again = redrive(failed, { place, now: 3_000 });
    expect(again).toMatchObject({ state: 'queued', attempt: 7, failures: 0, interruptions: 0, lastToken: 1, place });
    expect(again && claim(again, { ...request, now: 3_000 })).toMatchObject({ lease: { token: 2 }, attempt: 8 });
  });

  it('cannot bring back a job that has a picture, was cancelled or has not ended', () => {
    const done = complete(running(), 1, { assetId: assetId('a'), timings, now: 9 });
    for (const job of [done, requestCancel(queued(), 9), queued(), running()]) {
      expect(job && redrive(job, { place, now: 9 })).toBeUndefined();
    }
  });
});
