import type { Generation, MarkPicturesResult, PicturePage } from '@imagemill/api';
import AdmZip from 'adm-zip';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import { issueKey } from '../support/access.ts';
import { openParts, untilReady } from '../support/server-parts.ts';

const headers = { host: 'localhost' };
let parts: Parts;
let panda: Generation;
let rocket: Generation;

beforeAll(async () => {
  parts = await openParts({ device: 'fixed:0' });
  await untilReady(parts);
  panda = await draw({ prompt: 'A 50% panda_on green', count: 3, width: 64, height: 96 });
  rocket = await draw({ prompt: '一枚火箭，紫色背景', width: 96, height: 64 });
});
afterAll(() => parts?.close());

async function draw(body: object): Promise<Generation> {
  const payload = { steps: 1, ...body };
  const made = (
    await parts.app.inject({ method: 'POST', url: '/v1/generations', headers, payload })
  ).json<Generation>();
  await parts.app.inject({ url: made.links.events, headers });
  return (await parts.app.inject({ url: made.links.self, headers })).json<Generation>();
}

async function list(query: Readonly<Record<string, string>> = {}, as: object = {}): Promise<PicturePage> {
  const response = await parts.app.inject({ url: '/v1/pictures', query, headers: { ...headers, ...as } });
  expect(response.statusCode).toBe(200);
  return response.json<PicturePage>();
}

async function mark(payload: object, as: object = {}): Promise<number> {
  const url = '/v1/pictures/mark';
  const response = await parts.app.inject({ method: 'POST', url, headers: { ...headers, ...as }, payload });
  return response.json<MarkPicturesResult>().marked;
}

const idsOf = ({ items }: PicturePage): string[] => items.map(({ id }) => id);
const jobsOf = ({ jobs }: Generation): string[] => jobs.map(({ id }) => id).toReversed();

describe('the gallery', () => {
  it('lists what was drawn, newest first and page by page, with how it was drawn', async () => {
    const first = await list({ limit: '2' });
    const second = await list({ limit: '2', cursor: first.nextCursor ?? '' });
    expect([...idsOf(first), ...idsOf(second)]).toEqual([...jobsOf(rocket), ...jobsOf(panda)]);
    expect(second.nextCursor).toBeUndefined();
    expect(first.items[0]).toMatchObject({
      ...{ generationId: rocket.id, index: 0, prompt: '一枚火箭，紫色背景', width: 96, height: 64 },
      ...{ seed: rocket.seed, steps: 1, model: 'demo', loras: [], starred: false, tags: [] },
      asset: { url: rocket.jobs[0]?.asset?.url },
    });
  });

  it.each([
    ['a part of the prompt', { text: '火箭' }, () => rocket],
    ['a part of the prompt in other letters', { text: 'PANDA' }, () => panda],
    ['signs that a search could take for its own', { text: '50% panda_on' }, () => panda],
    ['a size', { width: '64', height: '96' }, () => panda],
    ['a generation', () => ({ generationId: rocket.id }), () => rocket],
  ] as const)('finds pictures by %s', async (_name, query, expected) => {
    const found = await list(typeof query === 'function' ? query() : query);
    expect(idsOf(found)).toEqual(jobsOf(expected()));
  });

  it.each([
    { text: '0% p%g' },
    { model: 'other' },
    { lora: 'sketch' },
    { starred: 'true' },
    { tag: 'none' },
    { until: '2020-01-01T00:00:00Z' },
    { since: '2999-01-01T00:00:00Z' },
  ])('finds nothing where nothing fits: %j', async (query) => {
    expect(await list(query)).toEqual({ items: [] });
  });

  it('stars and tags pictures, and takes both back', async () => {
    const [first = '', second = ''] = jobsOf(panda);
    expect(await mark({ ids: [first, second], starred: true, addTags: ['出口', 'best'] })).toBe(2);
    expect(await mark({ ids: [second], starred: false, removeTags: ['best'], addTags: ['出口'] })).toBe(1);
    expect(idsOf(await list({ starred: 'true' }))).toEqual([first]);
    expect(idsOf(await list({ tag: 'best' }))).toEqual([first]);
    const tagged = await list({ tag: '出口' });
    expect(tagged.items.map(({ id, tags }) => [id, tags])).toEqual([
      [first, ['best', '出口']],
      [second, ['出口']],
    ]);
  });

  it('takes pictures out and brings them back with all they had', async () => {
    const ids = jobsOf(rocket);
    await mark({ ids, starred: true });
    expect(await mark({ ids, deleted: true })).toBe(1);
    expect(idsOf(await list({ text: '火箭' }))).toEqual([]);
    expect(await mark({ ids, deleted: false })).toBe(1);
    expect((await list({ text: '火箭' })).items).toMatchObject([{ id: ids[0], starred: true }]);
  });

  it('packs a selection into a ZIP file that another program reads', async () => {
    const ids = [...jobsOf(panda), 'nothing'];
    const url = '/v1/pictures/archive';
    const response = await parts.app.inject({ method: 'POST', url, headers, payload: { ids } });
    expect(response.headers).toMatchObject({ 'content-type': 'application/zip' });
    const entries = new AdmZip(response.rawPayload).getEntries();
    expect(entries.map(({ entryName }) => entryName)).toHaveLength(3);
    const asset = await parts.app.inject({ url: panda.jobs[2]?.asset?.url ?? '', headers });
    expect(entries[0]?.getData().equals(asset.rawPayload)).toBe(true);
  });

  it('is closed to other tenants', async () => {
    const other = await issueKey(parts, { tenant: 'other' });
    expect(await list({}, other.headers)).toEqual({ items: [] });
    expect(await mark({ ids: jobsOf(panda), deleted: true }, other.headers)).toBe(0);
    const payload = { ids: jobsOf(panda) };
    const as = { ...headers, ...other.headers };
    const archive = await parts.app.inject({ method: 'POST', url: '/v1/pictures/archive', headers: as, payload });
    expect(archive.statusCode).toBe(404);
    expect(await list()).toMatchObject({ items: { length: 4 } });
  });

  it.each([
    { ids: [] },
    { ids: ['a'], starred: 'yes' },
    { ids: ['a'], addTags: [' '] },
    { ids: Array(1001).fill('a') },
  ])('refuses a change that makes no sense', async (payload) => {
    const response = await parts.app.inject({ method: 'POST', url: '/v1/pictures/mark', headers, payload });
    expect(response.statusCode).toBe(422);
  });
});
