import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandLineCaller } from '../../apps/server/src/domain/access/caller.ts';
import { DEFAULT_TENANT, tenantId } from '../../apps/server/src/domain/ids.ts';
import { compose } from '../../apps/server/src/main/compose.ts';
import { issueKey } from '../support/access.ts';
import { quietLog } from '../support/quiet-log.ts';
import { openParts, testConfig } from '../support/server-parts.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;
const act = { caller: commandLineCaller, address: undefined };
let parts: Opened;

describe('a server that needs keys', () => {
  beforeEach(async () => {
    parts = await openParts({ requireKey: true });
  });
  afterEach(() => parts.close());

  it('refuses a request without one and says how to send it', async () => {
    const answer = await parts.app.inject({ url: '/v1/system' });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="imagemill"');
    expect(answer.json()).toMatchObject({ code: 'unauthorized', detail: 'No API key was sent.' });
  });

  it('lets health, the API description and the page in, and tells unknown paths, without one', async () => {
    for (const url of ['/health/live', '/openapi.json']) {
      expect((await parts.app.inject({ url })).statusCode).toBe(200);
    }
    expect((await parts.app.inject({ url: '/' })).statusCode).not.toBe(401);
    expect((await parts.app.inject({ url: '/v1/nothing' })).json()).toMatchObject({ code: 'route_not_found' });
  });

  it('takes a key as Bearer, Key, Basic password and X-API-Key', async () => {
    const { text } = await issueKey(parts, { role: 'viewer' });
    const basic = Buffer.from(`anybody:${text}`).toString('base64');
    for (const headers of [
      { authorization: `Bearer ${text}` },
      { authorization: `bearer  ${text} ` },
      { authorization: `Key ${text}` },
      { authorization: `Basic ${basic}` },
      { 'x-api-key': text },
    ]) {
      expect((await parts.app.inject({ url: '/v1/system', headers })).statusCode).toBe(200);
    }
  });

  it('refuses what is no key, an unknown key and a wrong secret, and tells the last two alike', async () => {
    const { text } = await issueKey(parts, {});
    const wrong = `${text.slice(0, -1)}${text.endsWith('a') ? 'b' : 'a'}`;
    const details: string[] = [];
    for (const key of ['sk-abc', '', `im_${'z'.repeat(16)}_${'A'.repeat(43)}`, wrong]) {
      const answer = await parts.app.inject({ url: '/v1/system', headers: { authorization: `Bearer ${key}` } });
      expect(answer.statusCode).toBe(401);
      details.push(answer.json().detail);
    }
    expect(details.slice(2)).toEqual(['There is no such key.', 'There is no such key.']);
    const unknownScheme = { authorization: 'Digest x' };
    expect((await parts.app.inject({ url: '/v1/system', headers: unknownScheme })).statusCode).toBe(401);
  });

  it('names the permission that a role or a scope lacks', async () => {
    const viewer = await issueKey(parts, { role: 'viewer' });
    const body = { prompt: 'a boat' };
    const refused = await parts.app.inject({ method: 'POST', url: '/v1/generations', headers: viewer.headers, body });
    expect(refused.statusCode).toBe(403);
    expect(refused.json()).toMatchObject({ code: 'forbidden', details: { permission: 'generations:write' } });

    const scoped = await issueKey(parts, { role: 'admin', scopes: ['system:read'] });
    expect((await parts.app.inject({ url: '/v1/system', headers: scoped.headers })).statusCode).toBe(200);
    expect((await parts.app.inject({ url: '/v1/queue', headers: scoped.headers })).json()).toMatchObject({
      code: 'forbidden',
      details: { permission: 'queue:read' },
    });
  });

  it('refuses a key from the moment it is revoked, although it was just used', async () => {
    const key = await issueKey(parts, {});
    expect((await parts.app.inject({ url: '/v1/system', headers: key.headers })).statusCode).toBe(200);
    await parts.access.manageKeys.revoke(act, { tenantId: DEFAULT_TENANT, id: key.id });
    const answer = await parts.app.inject({ url: '/v1/system', headers: key.headers });
    expect(answer.json()).toMatchObject({ code: 'unauthorized', detail: expect.stringContaining('was revoked') });
  });

  it('refuses a key whose time is over', async () => {
    const key = await issueKey(parts, { expiresAt: Date.now() - 1 });
    const answer = await parts.app.inject({ url: '/v1/system', headers: key.headers });
    expect(answer.json()).toMatchObject({ code: 'unauthorized', detail: expect.stringContaining('expired') });
  });

  it('takes both keys while a rotation overlaps, and only the new one when it does not', async () => {
    const key = await issueKey(parts, {});
    const which = { tenantId: DEFAULT_TENANT, id: key.id };
    const next = await parts.access.manageKeys.rotate(act, { ...which, overlapMs: 3_600_000 });
    const headers = { authorization: `Bearer ${next.text}` };
    expect((await parts.app.inject({ url: '/v1/system', headers: key.headers })).statusCode).toBe(200);
    expect((await parts.app.inject({ url: '/v1/system', headers })).statusCode).toBe(200);

    const last = await parts.access.manageKeys.rotate(act, { ...which, id: next.key.id, overlapMs: 0 });
    expect((await parts.app.inject({ url: '/v1/system', headers })).statusCode).toBe(401);
    const lastHeaders = { authorization: `Bearer ${last.text}` };
    expect((await parts.app.inject({ url: '/v1/system', headers: lastHeaders })).statusCode).toBe(200);
  });

  it('refuses every key of a disabled tenant', async () => {
    const key = await issueKey(parts, { tenant: 'acme' });
    expect((await parts.app.inject({ url: '/v1/system', headers: key.headers })).statusCode).toBe(200);
    const tenant = await parts.store.access.findTenant(tenantId('acme'));
    await parts.access.store.transact((transaction) => transaction.saveTenant({ ...tenant!, disabledAt: Date.now() }));
    const answer = await parts.app.inject({ url: '/v1/system', headers: key.headers });
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toMatchObject({ code: 'tenant_disabled' });
  });

  it('gives rights over the installation to its own tenant alone', async () => {
    const admin = await issueKey(parts, { tenant: 'acme', role: 'admin' });
    const answer = await parts.app.inject({ method: 'POST', url: '/v1/queue/pause', headers: admin.headers });
    expect(answer.json()).toMatchObject({ code: 'forbidden', details: { permission: 'queue:manage' } });
    const own = await issueKey(parts, { role: 'operator' });
    expect((await parts.app.inject({ method: 'POST', url: '/v1/queue/pause', headers: own.headers })).statusCode).toBe(
      200,
    );
  });

  it('takes the cookie of a sign-in with a key until the sign-out, or until the key ends', async () => {
    const key = await issueKey(parts, { role: 'viewer' });
    const signIn = async (text: string, headers = {}) =>
      parts.app.inject({ method: 'POST', url: '/v1/session', body: { key: text }, headers });
    expect((await signIn('im_nothing')).statusCode).toBe(401);
    expect((await signIn(key.text, { origin: 'https://evil.example' })).json()).toMatchObject({
      code: 'cross_origin_refused',
    });
    const begin = async (): Promise<{ readonly cookie: string }> => {
      const answer = await signIn(key.text);
      expect(answer.json()).toMatchObject({ role: 'viewer', keyId: key.id });
      const header = String(answer.headers['set-cookie']);
      expect(header).toMatch(/^imagemill=[A-Za-z0-9]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
      return { cookie: header.split(';')[0] ?? '' };
    };
    const status = async (headers: { readonly cookie: string }): Promise<number> =>
      (await parts.app.inject({ url: '/v1/system', headers })).statusCode;
    const [first, second] = [await begin(), await begin()];
    expect(await status(first)).toBe(200);
    const elsewhere = { ...first, 'sec-fetch-site': 'cross-site' };
    const stolen = await parts.app.inject({ method: 'DELETE', url: '/v1/session', headers: elsewhere });
    expect(stolen.json()).toMatchObject({ code: 'cross_origin_refused' });
    const out = await parts.app.inject({ method: 'DELETE', url: '/v1/session', headers: first });
    expect(out.statusCode).toBe(204);
    expect(String(out.headers['set-cookie'])).toMatch(/^imagemill=; .*Max-Age=0$/);
    expect([await status(first), await status(second)]).toEqual([401, 200]);
    await parts.access.manageKeys.revoke(act, { tenantId: DEFAULT_TENANT, id: key.id });
    expect(await status(second)).toBe(401);
  });

  it('notes when a key was last used', async () => {
    const key = await issueKey(parts, {});
    await parts.app.inject({ url: '/v1/system', headers: key.headers });
    await expect.poll(async () => (await parts.store.access.findKey(key.id))?.lastUsedAt).toBeTypeOf('number');
  });
});

describe('a server of this machine that needs no key', () => {
  beforeEach(async () => {
    parts = await openParts();
  });
  afterEach(() => parts.close());

  it('takes requests without one, but not a wrong one', async () => {
    expect((await parts.app.inject({ url: '/v1/system' })).statusCode).toBe(200);
    const headers = { authorization: 'Bearer wrong' };
    expect((await parts.app.inject({ url: '/v1/system', headers })).statusCode).toBe(401);
  });

  it('asks for one when the request came through a proxy', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    expect((await parts.app.inject({ url: '/v1/system', headers })).statusCode).toBe(401);
  });

  const submit = { method: 'POST', url: '/v1/generations', body: { prompt: 'a boat' } } as const;

  it.each([
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': 'same-site', origin: 'http://localhost:3000' },
    { origin: 'http://localhost:3000' },
    { origin: 'null' },
    { origin: 'https://evil.example' },
  ])('refuses a write of a page of another site: %o', async (headers) => {
    const answer = await parts.app.inject({ ...submit, headers: { ...headers, host: 'localhost:7860' } });
    expect(answer.json()).toMatchObject({ status: 403, code: 'cross_origin_refused' });
  });

  it.each([
    { 'sec-fetch-site': 'same-origin', origin: 'http://localhost:7860' },
    { 'sec-fetch-site': 'none' },
    { origin: 'http://localhost:7860' },
    {},
  ])('takes a write of its own page and of a program: %o', async (headers) => {
    const answer = await parts.app.inject({ ...submit, headers: { ...headers, host: 'localhost:7860' } });
    expect(answer.statusCode).toBe(202);
  });
});

describe('a server that other machines can reach', () => {
  it('starts when there is a key, needs it for every request, and is called by any name', async () => {
    const config = await testConfig();
    const options = { version: '1.2.3', log: quietLog };
    const first = await compose(config, options);
    const key = await issueKey(first, {});
    await first.close();

    const wide = await compose({ ...config, host: '0.0.0.0' }, options);
    try {
      const request = { url: '/v1/system', headers: { host: 'mill.example' } };
      expect((await wide.app.inject(request)).statusCode).toBe(401);
      const local = { ...request, headers: { host: 'localhost' } };
      expect((await wide.app.inject(local)).statusCode).toBe(401);
      const withKey = { ...request, headers: { ...request.headers, ...key.headers } };
      expect((await wide.app.inject(withKey)).statusCode).toBe(200);
    } finally {
      await wide.close();
      await rm(join(config.dataDir, '..'), { recursive: true });
    }
  });

  it('does not start without a key and says how to make one', async () => {
    await expect(openParts({ host: '0.0.0.0' })).rejects.toMatchObject({
      code: 'host_not_loopback',
      message: expect.stringContaining('imagemill keys create --tenant default --role admin'),
    });
  });
});
