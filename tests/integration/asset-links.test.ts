import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Generation } from '@imagemill/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { secrets } from '../../apps/server/src/adapters/secrets.ts';
import { createAssetUrls } from '../../apps/server/src/application/asset-urls.ts';
import { SigningKeyRing } from '../../apps/server/src/application/signing-keys.ts';
import { assetId, tenantId } from '../../apps/server/src/domain/ids.ts';
import { compose } from '../../apps/server/src/main/compose.ts';
import { issueKey } from '../support/access.ts';
import { quietLog } from '../support/quiet-log.ts';
import { openParts, testConfig } from '../support/server-parts.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;
type Headers = Readonly<Record<string, string>>;
let parts: Opened;
let mine: Headers;
let theirs: Headers;
let picture = { id: '', url: '' };
let other = { id: '', url: '' };

beforeAll(async () => {
  parts = await openParts({ requireKey: true });
  mine = (await issueKey(parts, { tenant: 'mine', role: 'member' })).headers;
  theirs = (await issueKey(parts, { tenant: 'theirs', role: 'member' })).headers;
  picture = await draw(parts, mine, 'an apple');
  other = await draw(parts, mine, 'a pear');
});
afterAll(() => parts?.close());

async function draw(
  { app }: Pick<Opened, 'app'>,
  headers: Headers,
  prompt: string,
): Promise<{ id: string; url: string }> {
  const payload = { prompt, seed: prompt.length };
  const made = await app.inject({ method: 'POST', url: '/v1/generations', headers, payload });
  const { id } = made.json<Generation>();
  await app.inject({ url: `/v1/generations/${id}/events`, headers });
  const done = (await app.inject({ url: `/v1/generations/${id}`, headers })).json<Generation>();
  const asset = done.jobs[0]?.asset;
  if (asset === undefined) throw new Error('Nothing was drawn.');
  return { id: asset.id, url: asset.url };
}

/** An address that this server signed so long ago. */
async function signedBefore(ms: number, id: string): Promise<string> {
  const [newest, ...older] = await parts.store.access.signingKeys();
  if (newest === undefined) throw new Error('There is no secret.');
  const clock = { now: () => Date.now() - ms };
  const { assetUrlSeconds: lifeSeconds } = parts.config;
  const keys = new SigningKeyRing([newest, ...older], { clock, lifeSeconds });
  return createAssetUrls({ keys, secrets, clock, lifeSeconds, publicUrl: undefined }).pathOf({ id: assetId(id) });
}

function changed(url: string, name: string, change: (value: string) => string): string {
  const { pathname, searchParams } = new URL(url, 'http://x');
  searchParams.set(name, change(searchParams.get(name) ?? ''));
  return `${pathname}?${searchParams}`;
}

const otherLetter = (text: string): string => `${text.startsWith('a') ? 'b' : 'a'}${text.slice(1)}`;

describe('a signed address', () => {
  test('opens its picture without a key, in full, in part and for its headers', async () => {
    expect(picture.url).toMatch(/^\/v1\/assets\/[\w-]+\?expires=\d+&by=\w+&signature=[\w-]{43}$/);
    const whole = await parts.app.inject({ url: picture.url });
    expect(whole.statusCode).toBe(200);
    expect(whole.headers).toMatchObject({
      'content-type': 'image/png',
      'accept-ranges': 'bytes',
      'cross-origin-resource-policy': 'cross-origin',
      'access-control-allow-origin': '*',
    });
    const [, maxAge] = /^private, max-age=(\d+), immutable$/.exec(String(whole.headers['cache-control'])) ?? [];
    const expires = Number(new URL(picture.url, 'http://x').searchParams.get('expires'));
    const left = expires - Date.now() / 1_000;
    expect(Number(maxAge)).toBeLessThanOrEqual(left + 1);
    expect(Number(maxAge)).toBeGreaterThan(left - 60);
    const etag = String(whole.headers.etag);
    const again = await parts.app.inject({ url: picture.url, headers: { 'if-none-match': etag } });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    const part = await parts.app.inject({ url: picture.url, headers: { range: 'bytes=1-3', 'if-range': etag } });
    expect([part.statusCode, part.body]).toEqual([206, 'PNG']);
    const head = await parts.app.inject({ method: 'HEAD', url: picture.url });
    expect([head.statusCode, head.headers['content-length']]).toEqual([200, String(whole.rawPayload.length)]);
  });

  test.each<[string, () => string | Promise<string>, number, string]>([
    ['no signature', () => `/v1/assets/${picture.id}`, 401, 'unauthorized'],
    ['the signature of another picture', () => picture.url.replace(picture.id, other.id), 403, 'asset_link_invalid'],
    ['a later end', () => changed(picture.url, 'expires', (end) => `${Number(end) + 1}`), 403, 'asset_link_invalid'],
    ['an end spelt otherwise', () => changed(picture.url, 'expires', (end) => `0${end}`), 403, 'asset_link_invalid'],
    ['an end that is no number', () => changed(picture.url, 'expires', () => 'never'), 403, 'asset_link_invalid'],
    ['another signature', () => changed(picture.url, 'signature', otherLetter), 403, 'asset_link_invalid'],
    ['an empty signature', () => changed(picture.url, 'signature', () => ''), 403, 'asset_link_invalid'],
    [
      'a shorter signature',
      () => changed(picture.url, 'signature', (text) => text.slice(1)),
      403,
      'asset_link_invalid',
    ],
    ['a secret that nobody has', () => changed(picture.url, 'by', () => 'nobody'), 403, 'asset_link_invalid'],
    ['a second end', () => `${picture.url}&expires=99999999999`, 403, 'asset_link_invalid'],
    ['an end that has come', () => signedBefore(172_800_000, picture.id), 403, 'asset_link_expired'],
    ['a picture that is not there', () => signedBefore(0, 'nothing'), 404, 'asset_not_found'],
  ])('with %s opens nothing', async (_, url, status, code) => {
    const answer = await parts.app.inject({ url: await url() });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({ code });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test('opens nothing but its picture', async () => {
    const { search } = new URL(picture.url, 'http://x');
    for (const path of ['/v1/generations', '/v1/pictures', '/v1/system', '/v1/keys']) {
      expect((await parts.app.inject({ url: `${path}${search}` })).statusCode, path).toBe(401);
    }
  });

  test('that is over or forged leaves it to a key what opens', async () => {
    const [over, forged] = [await signedBefore(172_800_000, picture.id), changed(picture.url, 'by', () => 'nobody')];
    for (const url of [`/v1/assets/${picture.id}`, over, forged]) {
      const own = await parts.app.inject({ url, headers: mine });
      expect([own.statusCode, own.headers['cache-control']]).toEqual([200, 'private, max-age=31536000, immutable']);
      expect((await parts.app.inject({ url, headers: theirs })).statusCode).toBe(404);
      expect((await parts.app.inject({ url, headers: { authorization: 'Bearer x' } })).statusCode).toBe(401);
    }
  });

  test('opens on pages of other sites and beside a credential that is none of this server', async () => {
    const page = { origin: 'https://shop.example', 'sec-fetch-site': 'cross-site' };
    for (const headers of [page, { ...page, cookie: 'imagemill=x' }, { authorization: 'Basic eDp5' }]) {
      expect((await parts.app.inject({ url: picture.url, headers })).statusCode).toBe(200);
    }
  });

  test('does not lend a key of another tenant what it may not read', async () => {
    expect((await parts.app.inject({ url: picture.url, headers: theirs })).statusCode).toBe(404);
  });

  test('stands in lists, events, the gallery, answers to uploads and those of the OpenAI door', async () => {
    const ask = async (url: string): Promise<string> => (await parts.app.inject({ url, headers: mine })).body;
    const list = JSON.parse(await ask('/v1/generations')) as { items: Generation[] };
    const [generation] = list.items;
    const events = await ask(`/v1/generations/${generation?.id}/events`);
    const answer = await parts.app.inject({
      method: 'POST',
      url: '/v1/images/generations',
      headers: { ...mine, host: 'localhost:81' },
      payload: { prompt: 'an apple', response_format: 'url' },
    });
    const { url } = answer.json<{ data: [{ url: string }] }>().data[0];
    expect(url).toMatch(/^http:\/\/localhost:81\/v1\/assets\/.*&signature=/);
    const { pathname, search } = new URL(url);
    const found = [events, await ask('/v1/pictures'), JSON.stringify(list)].map(
      (text) => /"url":"(\/v1\/assets\/[^"]+)"/.exec(text)?.[1] ?? '',
    );
    for (const one of [...found, `${pathname}${search}`]) {
      expect((await parts.app.inject({ url: one })).statusCode, one).toBe(200);
    }
  });

  test('is not given to a key that may not read pictures', async () => {
    const scopes = ['generations:read', 'generations:write'] as const;
    const { headers } = await issueKey(parts, { tenant: 'mine', role: 'member', scopes });
    const text = (await parts.app.inject({ url: '/v1/generations', headers })).body;
    expect(text).toContain(`"url":"/v1/assets/${picture.id}"`);
    expect(text).not.toContain('signature');
  });

  test('opens nothing of a tenant that is disabled', async () => {
    const { headers } = await issueKey(parts, { tenant: 'closed', role: 'member' });
    const { url } = await draw(parts, headers, 'a plum');
    const found = await parts.store.access.findTenant(tenantId('closed'));
    if (found === undefined) throw new Error('There is no such tenant.');
    await parts.access.store.transact((access) => access.saveTenant({ ...found, disabledAt: Date.now() }));
    const answer = await parts.app.inject({ url });
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'tenant_disabled']);
  });
});

describe('a rotation of the secret', () => {
  const rotate = (payload: object, headers: Headers) =>
    parts.app.inject({ method: 'POST', url: '/v1/url-key/rotate', headers, payload });
  const signedBy = (url: string) => new URL(url, 'http://x').searchParams.get('by');

  test('takes an admin of the installation, and leaves addresses of before good for their time', async () => {
    for (const role of ['operator', 'admin'] as const) {
      const tenant = role === 'admin' ? 'mine' : 'default';
      const { headers } = await issueKey(parts, { tenant, role });
      expect((await rotate({}, headers)).json()).toMatchObject({ code: 'forbidden' });
    }
    const { headers } = await issueKey(parts, { role: 'admin' });
    const old = signedBy(picture.url);
    const made = await rotate({}, headers);
    expect([made.statusCode, made.body]).toEqual([201, expect.not.stringContaining('secret')]);
    // Every process hears of it first; until then the old one signs.
    expect(signedBy((await draw(parts, mine, 'a grape')).url)).toBe(old);
    expect((await parts.app.inject({ url: picture.url })).statusCode).toBe(200);
    const keys = await parts.store.access.signingKeys();
    expect(keys.map(({ id }) => id).sort()).toEqual([old, made.json().id].sort());
    const log = await parts.app.inject({ url: '/v1/audit?action=url_key.rotated', headers });
    expect(log.json().items).toMatchObject([{ target: made.json().id, before: { keys: [old] } }]);
    for (const { secret } of keys) expect(log.body).not.toContain(secret);
  });

  test('ends addresses of before within seconds when that is asked for', async () => {
    const { headers } = await issueKey(parts, { role: 'admin' });
    const { id } = (await rotate({ endOld: true }, headers)).json();
    await expect
      .poll(async () => (await parts.app.inject({ url: picture.url })).json?.().code, { timeout: 30_000 })
      .toBe('asset_link_invalid');
    const { url } = await draw(parts, mine, 'a quince');
    expect(signedBy(url)).toBe(id);
    expect((await parts.app.inject({ url })).statusCode).toBe(200);
    expect((await parts.store.access.signingKeys()).map((key) => key.id)).toEqual([id]);
  });
});

describe('a server that needs no key', () => {
  test('opens the path alone, refuses what was forged, and knows its addresses after a new start', async () => {
    const config = await testConfig({});
    const first = { ...(await compose(config, { version: '1', log: quietLog })), config };
    const { id, url } = await draw(first, {}, 'a fig');
    expect((await first.app.inject({ url: `/v1/assets/${id}` })).statusCode).toBe(200);
    expect((await first.app.inject({ url: changed(url, 'signature', otherLetter) })).statusCode).toBe(403);
    await first.close();
    const second = await compose({ ...config, requireKey: true }, { version: '1', log: quietLog });
    expect((await second.app.inject({ url })).statusCode).toBe(200);
    await second.close();
    await rm(join(config.dataDir, '..'), { recursive: true });
  });
});
