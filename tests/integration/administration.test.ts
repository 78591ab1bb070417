import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../../packages/api/src/client/index.ts';
import { issueKey } from '../support/access.ts';
import { openParts, untilReady } from '../support/server-parts.ts';
import { ServerFolder } from '../support/server-process.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;
type Headers = { readonly authorization: string };

describe('administration over HTTP', () => {
  let parts: Opened;
  let admin: Headers;
  beforeEach(async () => {
    parts = await openParts({ requireKey: true });
    admin = (await issueKey(parts, {})).headers;
  });
  afterEach(() => parts.close());

  const send = async (method: 'GET' | 'POST' | 'PATCH' | 'PUT', url: string, payload?: object, headers = admin) =>
    parts.app.inject({ method, url, headers: { ...headers }, ...(payload === undefined ? {} : { payload }) });
  const bearer = (secret: string): Headers => ({ authorization: `Bearer ${secret}` });

  it('shows the secret of a key once and takes the key until it is revoked', async () => {
    const made = await send('POST', '/v1/keys', { name: 'ci', role: 'member', scopes: ['system:read'] });
    expect(made.statusCode).toBe(201);
    const { key, secret } = made.json();
    expect(secret).toMatch(new RegExp(`^im_${key.id}_[A-Za-z0-9]{43}$`));
    expect((await send('GET', '/v1/keys')).body).not.toContain(secret.slice(-43));
    expect((await send('GET', '/v1/whoami', undefined, bearer(secret))).json()).toMatchObject({
      name: 'ci',
      role: 'member',
      permissions: ['system:read'],
      keyId: key.id,
    });
    const revoked = await send('POST', `/v1/keys/${key.id}/revoke`);
    expect(revoked.json()).toMatchObject({ state: 'revoked' });
    expect((await send('GET', '/v1/whoami', undefined, bearer(secret))).statusCode).toBe(401);
    expect((await send('POST', `/v1/keys/${key.id}/rotate`, {})).json()).toMatchObject({ code: 'key_not_active' });
  });

  it('changes a key from the next request on, and writes down what was and what is', async () => {
    const limits = { picturesPerDay: 5, requestsPerMinute: 100 };
    const made = await send('POST', '/v1/keys', { name: 'ci', role: 'member', scopes: ['system:read'], limits });
    const { key, secret } = made.json();
    const whoami = async () => (await send('GET', '/v1/whoami', undefined, bearer(secret))).json();
    expect(await whoami()).toMatchObject({ permissions: ['system:read'] });
    const at = `/v1/keys/${key.id}`;
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    const change = { name: 'cd', scopes: null, expiresAt, limits: { picturesPerDay: null, maxOpen: 2 } };
    expect((await send('PATCH', at, change)).json()).toEqual({
      ...{ ...key, lastUsedAt: expect.any(String), name: 'cd', scopes: undefined, expiresAt },
      limits: { requestsPerMinute: 100, maxOpen: 2 },
    });
    expect(await whoami()).toMatchObject({ name: 'cd', limits: { key: { requestsPerMinute: 100, maxOpen: 2 } } });
    expect((await whoami()).permissions).toContain('generations:write');
    expect((await send('PATCH', at, { role: 'viewer', expiresAt: null })).json()).toMatchObject({ role: 'viewer' });
    expect((await send('GET', at)).json()).not.toHaveProperty('expiresAt');
    expect((await whoami()).permissions).not.toContain('generations:write');
    // Nothing changed, nothing is written down.
    expect((await send('PATCH', at, {})).statusCode).toBe(200);
    expect((await send('PATCH', at, { name: 'cd', limits: { maxOpen: 2 } })).statusCode).toBe(200);
    const log = (await send('GET', '/v1/audit?action=key.changed')).json().items;
    expect(log).toMatchObject([
      { target: key.id, before: { role: 'member', expiresAt: Date.parse(expiresAt) }, after: { role: 'viewer' } },
      {
        before: { name: 'ci', scopes: ['system:read'], limits, expiresAt: null },
        after: { name: 'cd', scopes: null, limits: { requestsPerMinute: 100, maxOpen: 2 } },
      },
    ]);
    expect(JSON.stringify(log)).not.toContain(secret.slice(-43));
  });

  it('makes a key whose time is over good again, and leaves a revoked one as it is', async () => {
    const { id, headers } = await issueKey(parts, { role: 'viewer', expiresAt: Date.now() - 1 });
    expect((await send('GET', '/v1/whoami', undefined, headers)).statusCode).toBe(401);
    const past = await send('PATCH', `/v1/keys/${id}`, { expiresAt: '2020-01-01T00:00:00Z' });
    expect(past.json()).toMatchObject({ code: 'validation_failed', errors: [{ field: 'expiresAt' }] });
    expect((await send('PATCH', `/v1/keys/${id}`, { expiresAt: null })).json()).toMatchObject({ state: 'active' });
    expect((await send('GET', '/v1/whoami', undefined, headers)).statusCode).toBe(200);
    await send('POST', `/v1/keys/${id}/revoke`);
    const revoked = await send('PATCH', `/v1/keys/${id}`, { name: 'x' });
    expect([revoked.statusCode, revoked.json().code]).toEqual([409, 'key_not_active']);
    const unknown = await send('PATCH', `/v1/keys/${id}`, { secretHash: 'x', tenantId: 'y', scopes: [] });
    expect(
      unknown
        .json()
        .errors.map(({ field }: { field: string }) => field)
        .sort(),
    ).toEqual(['scopes', 'secretHash', 'tenantId']);
    expect((await send('PATCH', '/v1/keys/0000000000', { name: 'x' })).json()).toMatchObject({ code: 'key_not_found' });
  });

  it('gives nobody more rights than the one who asks has', async () => {
    const scopes = ['keys:manage', 'members:manage', 'system:read'] as const;
    const { headers } = await issueKey(parts, { tenant: 'acme', role: 'admin', scopes });
    for (const [url, body] of [
      ['/v1/keys', { name: 'n', role: 'admin' }],
      ['/v1/keys', { name: 'n', role: 'viewer', scopes: ['generations:read'] }],
      ['/v1/members', { email: 'a@example.com', role: 'admin' }],
    ] as const) {
      expect((await send('POST', url, body, headers)).json()).toMatchObject({ code: 'forbidden' });
    }
    const within = await send('POST', '/v1/keys', { name: 'n', role: 'viewer', scopes: ['system:read'] }, headers);
    expect(within.statusCode).toBe(201);
    const own = `/v1/keys/${within.json().key.id}`;
    const whole = await issueKey(parts, { tenant: 'acme', role: 'admin' });
    for (const [url, body] of [
      [own, { scopes: null }],
      [own, { role: 'admin', scopes: ['generations:write'] }],
      // Of a key that may do more than the caller, not even the end.
      [`/v1/keys/${whole.id}`, { expiresAt: '2100-01-01T00:00:00Z' }],
      [`/v1/keys/${whole.id}`, { limits: { picturesPerDay: 1 } }],
    ] as const) {
      expect((await send('PATCH', url, body, headers)).json()).toMatchObject({ code: 'forbidden' });
    }
    expect((await send('PATCH', own, { name: 'm', limits: { maxOpen: 1 } }, headers)).statusCode).toBe(200);
  });

  it('names each field of a key or a tenant that it does not take', async () => {
    const past = await send('POST', '/v1/keys', { name: 'n', role: 'viewer', expiresAt: '2020-01-01T00:00:00Z' });
    expect(past.json()).toMatchObject({ code: 'validation_failed', errors: [{ field: 'expiresAt' }] });
    const wrong = await send('POST', '/v1/tenants', { id: '../x', weight: -1, limits: { maxOpen: 0 }, more: 1 });
    const fields = wrong.json().errors.map(({ field }: { field: string }) => field);
    expect(fields.sort()).toEqual(['id', 'limits.maxOpen', 'more', 'weight']);
  });

  it('limits a tenant from the next request on, and tells when it may go on', async () => {
    const { headers } = await issueKey(parts, { tenant: 'acme', role: 'member' });
    const limits = { picturesPerDay: 2, requestsPerMinute: 4 };
    expect((await send('PATCH', '/v1/tenants/acme', { limits })).json()).toMatchObject({ limits });
    const submit = (count: number) => send('POST', '/v1/generations', { prompt: 'a boat', count }, headers);
    const first = await submit(2);
    expect(first.statusCode).toBe(202);
    expect(first.headers).toMatchObject({ 'x-ratelimit-limit-requests': '4', 'x-ratelimit-remaining-requests': '3' });
    const over = await submit(1);
    expect(over.statusCode).toBe(429);
    expect(over.json()).toMatchObject({ code: 'quota_exceeded', details: { quota: 'picturesPerDay', used: 2 } });
    expect(Number(over.headers['retry-after'])).toBeGreaterThan(0);
    for (let i = 0; i < 2; i++) await send('GET', '/v1/whoami', undefined, headers);
    const tooMany = await send('GET', '/v1/whoami', undefined, headers);
    expect(tooMany.json()).toMatchObject({ status: 429, code: 'rate_limited' });
    expect(Number(tooMany.headers['retry-after-ms'])).toBeGreaterThan(0);
  });

  it('refuses the keys of a disabled tenant and member, and protects the own tenant', async () => {
    const member = (await send('POST', '/v1/members', { email: 'Ann@Example.com', role: 'member' })).json();
    expect(member).toMatchObject({ email: 'ann@example.com' });
    const again = await send('POST', '/v1/members', { email: 'ann@example.com', role: 'viewer' });
    expect(again.json()).toMatchObject({ code: 'member_exists' });
    const key = (await send('POST', '/v1/keys', { name: 'hers', role: 'admin', memberId: member.id })).json();
    // The key is an admin's and its owner a member: the lesser of the two counts.
    expect((await send('GET', '/v1/keys', undefined, bearer(key.secret))).json()).toMatchObject({ code: 'forbidden' });
    await send('PATCH', `/v1/members/${member.id}`, { disabled: true });
    expect((await send('GET', '/v1/whoami', undefined, bearer(key.secret))).statusCode).toBe(401);

    const { headers } = await issueKey(parts, { tenant: 'acme' });
    await send('PATCH', '/v1/tenants/acme', { disabled: true });
    expect((await send('GET', '/v1/whoami', undefined, headers)).json()).toMatchObject({ code: 'tenant_disabled' });
    await send('PATCH', '/v1/tenants/acme', { disabled: false });
    expect((await send('GET', '/v1/whoami', undefined, headers)).statusCode).toBe(200);
    const own = await send('PATCH', '/v1/tenants/default', { disabled: true });
    expect(own.json()).toMatchObject({ code: 'tenant_protected' });
  });

  it('counts what was drawn by tenant, key and model, with its price, as JSON and as CSV', async () => {
    await untilReady(parts);
    await send('PUT', '/v1/prices', { currency: 'EUR', perPicture: 0.25, perDeviceSecond: 0 });
    const { id, headers } = await issueKey(parts, { tenant: 'acme', role: 'operator' });
    await send('POST', '/v1/generations', { prompt: 'a boat', count: 2 }, headers);
    const read = () => send('GET', '/v1/usage?groupBy=key,model', undefined, headers);
    await expect.poll(async () => (await read()).json().items[0]?.pictures, { timeout: 30_000 }).toBe(2);
    expect((await read()).json()).toMatchObject({
      currency: 'EUR',
      items: [{ key: id, model: 'demo', requests: 1, pictures: 2, failed: 0, cost: 0.5 }],
    });
    const csv = await send('GET', '/v1/usage?tenant=*&groupBy=tenant&format=csv');
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(csv.body).toMatch(/^tenant,requests,pictures,failed,deviceSeconds,cost\r\nacme,1,2,0,[\d.]+,0.5\r\n$/);
    expect((await send('GET', '/v1/usage?from=2020-01-01')).json()).toMatchObject({ code: 'validation_failed' });
  });

  it('writes who did what down, page by page, without secrets', async () => {
    const { secret, key } = (await send('POST', '/v1/keys', { name: 'ci', role: 'viewer' })).json();
    await send('POST', '/v1/tenants', { id: 'acme' });
    await send('PATCH', '/v1/tenants/acme', { weight: 3 });
    await send('POST', `/v1/keys/${key.id}/revoke`);
    const actions: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 10; pages++) {
      const page = await send('GET', `/v1/audit?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(page.body).not.toContain(secret.slice(-43));
      actions.push(...page.json().items.map(({ action }: { action: string }) => action));
      cursor = page.json().nextCursor ?? '';
      if (cursor === '') break;
    }
    expect(actions).toEqual(['key.revoked', 'tenant.changed', 'tenant.created', 'key.created', 'key.created']);
    const [changed] = (await send('GET', '/v1/audit?action=tenant.changed&tenant=acme')).json().items;
    expect(changed).toMatchObject({
      target: 'acme',
      before: { weight: 1 },
      after: { weight: 3 },
      address: '127.0.0.1',
    });
  });
});

describe('imagemill keys, tenants, usage and audit', () => {
  let folder: ServerFolder;
  beforeEach(async () => {
    folder = await ServerFolder.create();
  });
  afterEach(() => folder.remove());

  const imagemill = async (...args: string[]): Promise<string> => {
    const environment = { PATH: process.env['PATH'], HOME: folder.path };
    const { stdout } = await run(process.execPath, [CLI, ...args], { cwd: folder.path, env: environment });
    return stdout.trim();
  };

  it('make the key that a server for other machines asks for, and change it while the server runs', async () => {
    await expect(folder.start({ host: '0.0.0.0' })).rejects.toThrow('imagemill keys create --tenant default');
    const data = ['--data-dir', join(folder.path, 'data')];
    const secret = await imagemill('keys', 'create', '--tenant', 'default', '--role', 'admin', ...data);
    expect(secret).toMatch(/^im_[a-z0-9]+_[A-Za-z0-9]{43}$/);
    const server = await folder.start({ host: '0.0.0.0' });
    const url = server.url.replace('0.0.0.0', '127.0.0.1');
    const status = async (key: string): Promise<number> =>
      (await fetch(`${url}/v1/whoami`, { headers: { authorization: `Bearer ${key}` } })).status;
    expect(await status('none')).toBe(401);
    expect(await status(secret)).toBe(200);

    // Beside the running server, on its folder; then through it, with the key.
    await imagemill('tenants', 'create', 'acme', '--weight', '2', '--max-open', '5', ...data);
    const made = await imagemill(
      'keys',
      'create',
      '--tenant',
      'acme',
      '--role',
      'viewer',
      '--expires',
      '1d',
      '--json',
      ...data,
    );
    const second = JSON.parse(made);
    expect(second).toMatchObject({ tenantId: 'acme', role: 'viewer', state: 'active' });
    await expect.poll(() => status(second.secret)).toBe(200);
    const remote = ['--server', url, '--key', secret];
    const limits = ['--max-open', '3', '--pictures-per-day', '9', '--expires', 'none', '--scopes', 'system:read'];
    const set = await imagemill(
      'keys',
      'set',
      second.id,
      '--tenant',
      'acme',
      '--name',
      'ci',
      ...limits,
      '--json',
      ...data,
    );
    expect(JSON.parse(set)).toMatchObject({ name: 'ci', scopes: ['system:read'], limits: { maxOpen: 3 } });
    expect(JSON.parse(set)).not.toHaveProperty('expiresAt');
    const table = await imagemill(
      ...['keys', 'update', second.id, '--tenant', 'acme', '--role', 'member', '--scopes', 'none', ...remote],
      ...['--pictures-per-day', 'none', '--expires', '2d'],
    );
    expect(table).toMatch(/ci +member +active .* maxOpen 3 /);
    await imagemill('keys', 'revoke', second.id, '--tenant', 'acme', ...remote);
    expect(await status(second.secret)).toBe(401);
    const changed = await imagemill(
      'tenants',
      'set',
      'acme',
      '--max-open',
      'none',
      '--max-running',
      '1',
      '--json',
      ...remote,
    );
    expect(JSON.parse(changed)).toMatchObject({ id: 'acme', weight: 2, limits: { maxRunning: 1 } });
    const audit = (await imagemill('audit', '--json', ...remote)).split('\n').map((line) => JSON.parse(line).action);
    expect(audit).toEqual([
      'tenant.changed',
      'key.revoked',
      'key.changed',
      'key.changed',
      'key.created',
      'tenant.created',
      'key.created',
    ]);
    expect(await imagemill('usage', '--csv', ...data)).toBe('tenant,day,requests,pictures,failed,deviceSeconds,cost');
    const caller = await createClient({ baseUrl: url, headers: { authorization: `Bearer ${secret}` } }).whoami();
    expect(caller).toMatchObject({ tenantId: 'default', role: 'admin' });
    await server.stop('SIGTERM');
  });
});

const run = promisify(execFile);
const CLI = fileURLToPath(new URL('../../apps/cli/bin/imagemill.js', import.meta.url));
