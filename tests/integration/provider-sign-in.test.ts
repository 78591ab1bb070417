import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { secrets } from '../../apps/server/src/adapters/secrets.ts';
import type { SettingsInput } from '../../apps/server/src/config/schema.ts';
import { commandLineCaller } from '../../apps/server/src/domain/access/caller.ts';
import { DEFAULT_TENANT, memberId, tenantId } from '../../apps/server/src/domain/ids.ts';
import { issueKey } from '../support/access.ts';
import { openParts } from '../support/server-parts.ts';
import { type SignInProvider, startSignInProvider } from '../support/sign-in-provider.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;
const origin = 'http://127.0.0.1:7860';
const act = { caller: commandLineCaller, address: undefined };
const cookieName = 'imagemill-sign-in';
let provider: SignInProvider;
let parts: Opened;

beforeAll(async () => {
  provider = await startSignInProvider(() => [origin, 'https://mill.example.com']);
  Object.assign(provider.people, {
    lin: { email: 'Lin@example.com', email_verified: true, name: 'Lin', groups: ['mill-admins', 'staff'] },
    mo: { email: 'mo@example.com', email_verified: false, name: 'Mo' },
    zed: { email: 'zed@elsewhere.org', email_verified: true, name: 'Zed', company: 'acme' },
  });
});
afterAll(() => provider[Symbol.asyncDispose]());
afterEach(() => parts.close());

async function open(settings: SettingsInput = {}): Promise<void> {
  const { issuer, clientId, clientSecret } = provider;
  const oidc = { oidcIssuer: issuer, oidcClientId: clientId, oidcClientSecret: clientSecret };
  parts = await openParts({ requireKey: true, ...oidc, ...settings });
  provider.tokenSeconds = 600;
}

const get = (url: string, cookie = '', headers = {}) =>
  parts.app.inject({ url, headers: { host: '127.0.0.1:7860', cookie, ...headers } });

/** Goes to the provider as a browser does. */
async function begin(query = ''): Promise<{ readonly toProvider: URL; readonly cookie: string }> {
  const begun = await get(`/v1/session/oidc${query}`);
  expect(begun.statusCode).toBe(302);
  const [set] = [begun.headers['set-cookie']].flat();
  expect(set).toMatch(/^imagemill-sign-in=\w{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/);
  return { toProvider: new URL(String(begun.headers.location)), cookie: String(set).split(';')[0] ?? '' };
}

/** Signs somebody in there and gives the address that the browser is sent back to. */
async function visit(address: URL, person: string | undefined): Promise<URL> {
  provider.person = person;
  const jar = new Map<string, string>();
  let at = address;
  while (at.origin === provider.issuer) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(at, { redirect: 'manual', headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      jar.set(name, value);
    }
    const next = answer.headers.get('location');
    if (next === null) throw new Error(`The provider answers ${answer.status}: ${await answer.text()}`);
    at = new URL(next, at);
  }
  return at;
}

async function signIn(person: string | undefined, query = '') {
  const { toProvider, cookie } = await begin(query);
  const back = await visit(toProvider, person);
  return get(back.pathname + back.search, cookie);
}

function sessionOf({ headers }: Awaited<ReturnType<typeof get>>): string {
  const lines = [headers['set-cookie']].flat().map(String);
  return lines.find((line) => line.startsWith('imagemill='))?.split(';')[0] ?? '';
}

const invite = (email: string, role: 'viewer' | 'member' = 'member', tenant = 'default') =>
  parts.access.administration.manageMembers.create(act, { tenantId: tenantId(tenant), email, name: '', role });

const problemOf = ({ headers }: Awaited<ReturnType<typeof get>>): string =>
  new URL(String(headers.location), origin).searchParams.get('problem') ?? 'none';

describe('sign-in with an OpenID Connect provider', () => {
  it('lets an invited person in, knows them again by who they are, and writes it down', async () => {
    await open();
    const member = await invite('lin@example.com', 'viewer');
    const done = await signIn('lin', '?returnTo=%2Fqueue');
    expect(done.headers.location).toBe('/queue');
    const who = (await get('/v1/whoami', sessionOf(done))).json();
    expect(who).toMatchObject({ name: 'Lin', role: 'viewer', tenantId: 'default', memberId: member.id });
    provider.people['lin'] = { ...provider.people['lin'], sub: 'lin', email: 'lin.new@example.com' };
    const again = await signIn('lin');
    expect(again.headers.location).toBe('/');
    expect((await get('/v1/whoami', sessionOf(again))).json()).toMatchObject({ memberId: member.id });
    provider.people['lin'] = { ...provider.people['lin'], sub: 'lin', email: 'Lin@example.com' };
    const log = await parts.store.access.audit({ tenantId: DEFAULT_TENANT, limit: 10 });
    expect(log.map(({ action }) => action)).toEqual([
      ...['member.signed_in', 'member.signed_in', 'member.changed', 'member.created'],
    ]);
    expect(JSON.stringify(log)).not.toContain(provider.clientSecret);
  });

  it('sends PKCE, state and nonce, and tells the page that there is a provider', async () => {
    await open({ oidcName: 'Example ID' });
    const { toProvider } = await begin();
    const { searchParams: asked } = toProvider;
    expect(Object.fromEntries(asked)).toMatchObject({
      ...{ response_type: 'code', code_challenge_method: 'S256', scope: 'openid profile email' },
      redirect_uri: `${origin}/v1/session/oidc/callback`,
    });
    for (const name of ['state', 'nonce', 'code_challenge']) expect(asked.get(name)).toMatch(/^[\w-]{43}$/);
    expect((await get('/v1/session/options')).json()).toEqual({
      provider: { name: 'Example ID', url: '/v1/session/oidc' },
    });
  });

  it('refuses a wrong state, another nonce, a code of another sign-in, and an answer that was used', async () => {
    await open();
    await invite('lin@example.com');
    const first = await begin();
    const back = await visit(first.toProvider, 'lin');
    const wrong = new URL(back);
    wrong.searchParams.set('state', 'A'.repeat(43));
    expect(problemOf(await get(wrong.pathname + wrong.search, first.cookie))).toBe('state_mismatch');
    expect(problemOf(await get(back.pathname + back.search, first.cookie))).toBe('expired');

    const second = await begin();
    second.toProvider.searchParams.set('nonce', 'B'.repeat(43));
    const other = await visit(second.toProvider, 'lin');
    expect(problemOf(await get(other.pathname + other.search, second.cookie))).toBe('token_invalid');

    const [mine, theirs] = [await begin(), await begin()];
    const stolen = await visit(theirs.toProvider, 'lin');
    const mixed = await visit(mine.toProvider, 'lin');
    mixed.searchParams.set('code', stolen.searchParams.get('code') ?? '');
    expect(problemOf(await get(mixed.pathname + mixed.search, mine.cookie))).toBe('provider_refused');
  });

  it('refuses an answer without the cookie of this browser, one that came too late, and an expired token', async () => {
    await open();
    await invite('lin@example.com');
    const begun = await begin();
    const back = await visit(begun.toProvider, 'lin');
    expect(problemOf(await get(back.pathname + back.search))).toBe('expired');

    const idHash = secrets.hash(begun.cookie.slice(`${cookieName}=`.length));
    const late = Date.now() - 1;
    await parts.access.store.transact(async (transaction) => {
      const kept = await transaction.takeSignIn(idHash, 0);
      if (kept !== undefined) await transaction.addSignIn({ ...kept, expiresAt: late });
    });
    expect(problemOf(await get(back.pathname + back.search, begun.cookie))).toBe('expired');

    provider.tokenSeconds = -600;
    expect(problemOf(await signIn('lin'))).toBe('token_invalid');
  });

  it('refuses who was not invited, whose address is not proven or not allowed, and whom the provider refuses', async () => {
    await open({ oidcAllowedDomains: ['Example.com'] });
    expect(problemOf(await signIn('lin'))).toBe('unknown_member');
    await invite('mo@example.com');
    expect(problemOf(await signIn('mo'))).toBe('email_missing');
    expect(problemOf(await signIn('zed'))).toBe('domain_not_allowed');
    expect(problemOf(await signIn(undefined))).toBe('provider_refused');
  });

  it('refuses a disabled member, at sign-in and in the middle of a session, and a disabled tenant', async () => {
    await open();
    await issueKey(parts, { tenant: 'acme' });
    const { id } = await invite('zed@elsewhere.org', 'member', 'acme');
    const session = sessionOf(await signIn('zed'));
    expect((await get('/v1/whoami', session)).json()).toMatchObject({ tenantId: 'acme' });
    const { manageMembers, manageTenants } = parts.access.administration;
    const which = { tenantId: tenantId('acme'), id: memberId(id) };
    await manageMembers.change(act, which, { isDisabled: true });
    expect((await get('/v1/whoami', session)).statusCode).toBe(401);
    expect(problemOf(await signIn('zed'))).toBe('member_disabled');
    await manageMembers.change(act, which, { isDisabled: false });
    await manageTenants.change(act, tenantId('acme'), { isDisabled: true });
    expect(problemOf(await signIn('zed'))).toBe('tenant_disabled');
  });

  it('makes members where that is set, with tenant and role by their claims at every sign-in', async () => {
    await open({
      ...{ oidcCreateMembers: true, oidcTrustEmail: true, oidcRoleClaim: 'groups', oidcDefaultRole: 'viewer' },
      oidcRoles: { 'mill-admins': 'admin', staff: 'member' },
    });
    const admin = sessionOf(await signIn('lin'));
    expect((await get('/v1/whoami', admin)).json()).toMatchObject({ role: 'admin', tenantId: 'default' });
    const viewer = sessionOf(await signIn('mo'));
    expect((await get('/v1/whoami', viewer)).json()).toMatchObject({ role: 'viewer', name: 'Mo' });
    provider.people['lin'] = { ...provider.people['lin'], sub: 'lin', groups: ['staff'] };
    await signIn('lin');
    expect((await get('/v1/whoami', admin)).json()).toMatchObject({ role: 'member' });
    provider.people['lin'] = { ...provider.people['lin'], sub: 'lin', groups: ['mill-admins', 'staff'] };
  });

  it('puts people into the tenant that their claim names, and nobody into another', async () => {
    await open({ oidcCreateMembers: true, oidcTenantClaim: 'company' });
    expect(problemOf(await signIn('zed'))).toBe('wrong_tenant');
    await issueKey(parts, { tenant: 'acme' });
    const session = sessionOf(await signIn('zed'));
    expect((await get('/v1/whoami', session)).json()).toMatchObject({ tenantId: 'acme', role: 'member' });
    expect(problemOf(await signIn('lin'))).toBe('wrong_tenant');
    provider.people['zed'] = { ...provider.people['zed'], sub: 'zed', company: 'default' };
    expect(problemOf(await signIn('zed'))).toBe('wrong_tenant');
    provider.people['zed'] = { ...provider.people['zed'], sub: 'zed', company: 'acme' };
  });

  it('ends a session at sign-out, and leads to the provider to sign out there too where that is set', async () => {
    await open({ oidcEndSession: true });
    await invite('lin@example.com');
    const session = sessionOf(await signIn('lin'));
    const out = await parts.app.inject({
      method: 'DELETE',
      url: '/v1/session',
      headers: { cookie: session, origin: 'http://127.0.0.1:7860', host: '127.0.0.1:7860' },
    });
    expect(out.statusCode).toBe(204);
    expect((await get('/v1/whoami', session)).statusCode).toBe(401);
    const end = await get('/v1/session/oidc/end');
    expect(String(end.headers.location)).toMatch(`${provider.issuer}/session/end?`);
  });

  it('refuses a sign-out that a page of another site asks for', async () => {
    await open();
    await invite('lin@example.com');
    const cookie = sessionOf(await signIn('lin'));
    const headers = { cookie, origin: 'https://evil.example', host: '127.0.0.1:7860' };
    const refused = await parts.app.inject({ method: 'DELETE', url: '/v1/session', headers });
    expect(refused.json()).toMatchObject({ code: 'cross_origin_refused' });
    expect((await get('/v1/whoami', cookie)).statusCode).toBe(200);
  });

  it('leads only to paths of its own', async () => {
    await open();
    await invite('lin@example.com');
    for (const path of ['https://evil.example', '//evil.example', '/\\evil.example', 'queue', '/a\nb']) {
      const done = await signIn('lin', `?returnTo=${encodeURIComponent(path)}`);
      expect(done.headers.location).toBe('/');
    }
  });

  it('works behind a proxy that ends TLS: cookies and the way back are those of the public address', async () => {
    await open({
      publicUrl: 'https://mill.example.com',
      trustedProxies: ['127.0.0.1'],
      allowedHosts: ['mill.example.com'],
    });
    await invite('lin@example.com');
    const headers = { host: 'mill.example.com', 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9' };
    const begun = await get('/v1/session/oidc', '', headers);
    const toProvider = new URL(String(begun.headers.location));
    expect(toProvider.searchParams.get('redirect_uri')).toBe('https://mill.example.com/v1/session/oidc/callback');
    const cookie = String(begun.headers['set-cookie']);
    expect(cookie).toMatch(/^__Host-imagemill-sign-in=.*; Secure$/);
    const back = await visit(toProvider, 'lin');
    const done = await get(back.pathname + back.search, cookie.split(';')[0], headers);
    const set = [done.headers['set-cookie']].flat().map(String);
    expect(set.find((line) => line.startsWith('__Host-imagemill='))).toMatch(/HttpOnly; SameSite=Lax; .*; Secure$/);
    expect(done.headers.location).toBe('/');
  });

  it('says that the provider cannot be reached, and tries again the next time', async () => {
    await open({ oidcIssuer: 'http://127.0.0.1:9' });
    expect(problemOf(await get('/v1/session/oidc'))).toBe('provider_unreachable');
  });
});

describe('attempts to sign in', () => {
  it('are limited by address, with a key and with the provider', async () => {
    await open({ signInsPerMinute: 3, trustedProxies: ['127.0.0.1'] });
    const attempt = (address: string) =>
      parts.app.inject({
        method: 'POST',
        url: '/v1/session',
        headers: { 'x-forwarded-for': address, 'content-type': 'application/json' },
        payload: { key: 'im_nothing' },
      });
    for (const _time of [1, 2, 3]) expect((await attempt('2001:db8::1')).statusCode).toBe(401);
    const refused = await attempt('2001:db8:0:0:ffff::2');
    expect(refused.statusCode).toBe(429);
    expect(refused.json()).toMatchObject({ code: 'rate_limited' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await attempt('2001:db8:1::1')).statusCode).toBe(401);
    const browser = { host: '127.0.0.1:7860', 'x-forwarded-for': '2001:db8::3' };
    expect(problemOf(await parts.app.inject({ url: '/v1/session/oidc', headers: browser }))).toBe('too_many_attempts');
  });
});

describe('settings of the provider that do not go together', () => {
  it.each([
    [{ oidcIssuer: 'https://id.example.com' }, /go together/],
    [{ oidcIssuer: 'http://id.example.com', oidcClientId: 'a' }, /must begin with https/],
    [{ oidcIssuer: 'https://id.example.com', oidcClientId: 'a', oidcScopes: ['email'] }, /must hold openid/],
  ])('%j keep the server from starting', async (settings, message) => {
    await expect(openParts(settings)).rejects.toThrow(message);
    await open();
  });
});
