import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { redrawSeed } from '../../apps/server/src/domain/quality/redraw-seed.ts';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import type {
  Generation,
  GenerationRequestInput,
  JobDetail,
  QualityPolicyChange,
  Review,
  ReviewPage,
} from '../../packages/api/src/index.ts';
import { issueKey } from '../support/access.ts';
import { openParts } from '../support/server-parts.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));
/** The demo model draws the same prompt much alike; what is not the same is no duplicate here. */
const exactDuplicates: QualityPolicyChange = { limits: { duplicateBits: 0 } };
/** Makes every picture of the demo model one that fails a check. */
const allBlank = { blankSpread: 127.5, duplicateBits: 0 };

let parts: Parts;
beforeAll(async () => {
  parts = await openParts({ device: 'cpu', model, calibrate: false });
});
afterAll(() => parts.close());
beforeEach(() => setPolicy(exactDuplicates));

async function setPolicy(policy: QualityPolicyChange): Promise<void> {
  const answer = await parts.app.inject({ method: 'PUT', url: '/v1/quality/policy', payload: policy });
  expect(answer.statusCode, answer.body).toBe(200);
}

async function draw(input: Partial<GenerationRequestInput> = {}): Promise<Generation> {
  const request = { prompt: 'a red apple on a wooden table', seed: 7, steps: 2, width: 128, height: 128, ...input };
  const accepted = await parts.app.inject({ method: 'POST', url: '/v1/generations', payload: request });
  expect(accepted.statusCode, accepted.body).toBe(202);
  return finished(accepted.json<Generation>().id);
}

async function finished(id: string): Promise<Generation> {
  await parts.app.inject({ url: `/v1/generations/${id}/events` });
  return (await parts.app.inject({ url: `/v1/generations/${id}` })).json<Generation>();
}

const reviews = async (query = ''): Promise<readonly Review[]> =>
  (await parts.app.inject({ url: `/v1/reviews?limit=100${query}` })).json<ReviewPage>().items;
const decide = (id: string, what: 'accept' | 'reject' | 'redraw') =>
  parts.app.inject({ method: 'POST', url: `/v1/reviews/${id}/${what}` });
const pictureIds = async (): Promise<readonly string[]> =>
  (await parts.app.inject({ url: '/v1/pictures?limit=100' })).json().items.map(({ id }: { id: string }) => id);
const usage = async () => (await parts.app.inject({ url: '/v1/usage?groupBy=tenant' })).json().items[0];

describe('the quality gate of a server', () => {
  it('measures every picture and says so in the job, its event and the gallery', async () => {
    const generation = await draw();
    const [job] = generation.jobs;
    expect(job?.quality).toMatchObject({ verdict: 'passed', reasons: [] });
    expect(job?.quality?.measures.spread).toBeGreaterThan(5);
    const events = (await parts.app.inject({ url: `/v1/generations/${generation.id}/events` })).body;
    expect(events).toContain(`"hash":"${job?.quality?.measures.hash}"`);
    const [picture] = (await parts.app.inject({ url: '/v1/pictures?limit=1' })).json().items;
    expect(picture).toMatchObject({ id: job?.id, quality: { verdict: 'passed' } });
    expect(await reviews()).toEqual([]);
  });

  it('does not call pictures duplicates that were asked for by the same prompt and seed', async () => {
    await draw({ seed: 11 });
    expect((await draw({ seed: 11 })).jobs[0]?.quality?.verdict).toBe('passed');
  });

  it('marks a picture that is like another one of the tenant, also when both were drawn side by side', async () => {
    await setPolicy({ limits: { duplicateBits: 64 } });
    const { jobs } = await draw({ count: 2, seed: 300 });
    const verdicts = jobs.map(({ quality }) => quality?.verdict).sort();
    expect(verdicts).toContain('marked');
    const marked = jobs.find(({ quality }) => quality?.verdict === 'marked');
    expect(marked?.quality?.reasons).toMatchObject([{ check: 'duplicate' }]);
    expect(await pictureIds()).toContain(marked?.id);
    const [review] = (await reviews('&check=duplicate')).filter(({ id }) => id === marked?.id);
    expect(review).toMatchObject({ held: false, state: 'open' });
  });

  it('lets a marked picture be accepted, or rejected, which takes it out of the gallery', async () => {
    await setPolicy({ limits: allBlank });
    const { jobs } = await draw({ count: 2, seed: 400 });
    const [kept = '', dropped = ''] = jobs.map(({ id }) => id);
    const before = await usage();
    expect((await decide(kept, 'accept')).json()).toMatchObject({
      state: 'accepted',
      quality: { verdict: 'accepted' },
    });
    expect((await decide(dropped, 'reject')).json()).toMatchObject({ state: 'rejected' });
    const ids = await pictureIds();
    expect(ids).toContain(kept);
    expect(ids).not.toContain(dropped);
    const after = await usage();
    expect(after.pictures).toBe(before.pictures - 1);
    expect(after.rejected).toBe(before.rejected + 1);
    expect((await decide(dropped, 'accept')).json()).toMatchObject({ code: 'review_decided' });
    const audit = (await parts.app.inject({ url: '/v1/audit?action=review.rejected' })).json().items;
    expect(audit).toMatchObject([{ target: dropped }]);
  });

  it('holds a picture back until it is accepted: then it is that of its job, and counts', async () => {
    await setPolicy({ limits: allBlank, actions: { blank: 'review' } });
    const generation = await draw({ seed: 500 });
    const [job] = generation.jobs;
    expect(generation.state).toBe('failed');
    expect(job).toMatchObject({ state: 'failed', error: { code: 'picture_held', details: { seed: 500 } } });
    expect(job?.asset).toBeUndefined();
    const [review] = await reviews('&held=true');
    expect(review).toMatchObject({ id: job?.id, held: true, seed: 500, quality: { verdict: 'held' } });
    expect((await parts.app.inject({ url: review?.asset?.url ?? '' })).statusCode).toBe(200);
    expect(await pictureIds()).not.toContain(job?.id);

    const before = await usage();
    expect((await decide(job?.id ?? '', 'accept')).statusCode).toBe(200);
    const accepted = await finished(generation.id);
    expect(accepted).toMatchObject({ state: 'succeeded', jobs: [{ state: 'succeeded', asset: review?.asset }] });
    expect(await pictureIds()).toContain(job?.id);
    const after = await usage();
    expect([after.pictures, after.rejected]).toEqual([before.pictures + 1, before.rejected - 1]);
    expect((await decide(job?.id ?? '', 'redraw')).statusCode).toBe(409);
  });

  it('draws a picture that was held back once more with a new seed, by the same job', async () => {
    await setPolicy({ limits: allBlank, actions: { blank: 'review' } });
    const generation = await draw({ seed: 600 });
    await setPolicy(exactDuplicates);
    const id = generation.jobs[0]?.id ?? '';
    expect((await decide(id, 'redraw')).json()).toMatchObject({ state: 'redrawn' });
    const { jobs } = await finishedAgain(generation.id);
    expect(jobs[0]).toMatchObject({ state: 'succeeded', seed: redrawSeed(600, 1), triedSeeds: [600] });
  });

  it('retries with new seeds, a bounded number of times, and records every one', async () => {
    await setPolicy({ limits: allBlank, actions: { blank: 'retry' }, maxRedraws: 2, afterRedraws: 'mark' });
    const before = await usage();
    const generation = await draw({ seed: 700 });
    const seeds = [700, redrawSeed(700, 1)];
    const [job] = generation.jobs;
    expect(job).toMatchObject({ state: 'succeeded', seed: redrawSeed(700, 2), triedSeeds: seeds, attempt: 3 });
    expect(job?.quality?.verdict).toBe('marked');
    const { attempts } = (await parts.app.inject({ url: `/v1/jobs/${job?.id}` })).json<JobDetail>();
    expect(attempts.map(({ error }) => error?.code)).toEqual(['picture_redrawn', 'picture_redrawn', undefined]);
    expect(attempts.slice(0, 2).map(({ error }) => error?.details?.['seed'])).toEqual(seeds);
    const after = await usage();
    expect([after.pictures - before.pictures, after.rejected - before.rejected]).toEqual([1, 2]);
    // The seed that drew it is the one in the file.
    const file = (await parts.app.inject({ url: job?.asset?.url ?? '' })).rawPayload.toString('latin1');
    expect(file).toContain(`Seed: ${redrawSeed(700, 2)}`);
  });

  it('keeps the policies of tenants apart, and lets their operators review', async () => {
    const other = await issueKey(parts, { tenant: 'strict', role: 'admin' });
    const viewer = await issueKey(parts, { tenant: 'strict', role: 'member' });
    const payload = { limits: { blankSpread: 50 }, actions: { blank: 'review' } };
    const set = { method: 'PUT', url: '/v1/quality/policy', payload } as const;
    expect((await parts.app.inject({ ...set, headers: viewer.headers })).statusCode).toBe(403);
    const answer = await parts.app.inject({ ...set, headers: other.headers });
    expect(answer.json()).toMatchObject({ policy: { maxRedraws: 2, limits: { blankSpread: 50 } }, own: payload });
    const own = (await parts.app.inject({ url: '/v1/quality/policy' })).json();
    expect(own.policy.actions.blank).toBe('mark');
    expect(own.own).toEqual(exactDuplicates);
    expect((await parts.app.inject({ url: '/v1/reviews', headers: viewer.headers })).statusCode).toBe(403);
    expect((await parts.app.inject({ url: '/v1/reviews', headers: other.headers })).json().items).toEqual([]);
  });

  it('refuses a policy that makes no sense, naming the field', async () => {
    const answer = await parts.app.inject({
      ...{ method: 'PUT', url: '/v1/quality/policy' },
      payload: { limits: { clippedShare: 2 }, actions: { blur: 'mark' } },
    });
    expect(answer.statusCode).toBe(422);
    expect(answer.json().errors.map(({ field }: { field: string }) => field)).toEqual(
      expect.arrayContaining(['limits.clippedShare']),
    );
  });
});

async function finishedAgain(id: string): Promise<Generation> {
  for (;;) {
    const generation = (await parts.app.inject({ url: `/v1/generations/${id}` })).json<Generation>();
    if (generation.state !== 'running' && generation.state !== 'queued') return generation;
    await new Promise((resolve) => parts.store.onStored(resolve));
  }
}
