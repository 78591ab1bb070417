import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../packages/api/src/client/index.ts';
import { seriousViolations } from '../support/axe.ts';
import { hasBrowser, usePages } from '../support/browser.ts';
import { type ImagemillServer, startImagemill } from '../support/imagemill-server.ts';
import { type SignInProvider, startSignInProvider } from '../support/sign-in-provider.ts';

const chinese: BrowserContextOptions = { locale: 'zh-CN', viewport: { width: 1280, height: 860 } };
const english: BrowserContextOptions = { locale: 'en-US', viewport: { width: 1280, height: 860 } };
const narrow: BrowserContextOptions = { locale: 'zh-CN', viewport: { width: 390, height: 844 } };

const isBrowserThere = hasBrowser();

describe.skipIf(!isBrowserThere)('a server that asks who somebody is', () => {
  // The browser itself reports every refused request.
  const pages = usePages(/^Failed to load resource/);
  let server: ImagemillServer;
  const open = (path: string, options: BrowserContextOptions): Promise<Page> => pages.open(server.url + path, options);

  beforeAll(async () => {
    server = await startImagemill({ device: 'fixed:50', requireKey: true });
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  async function signIn(page: Page, key: string): Promise<void> {
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  }

  test('lets nobody in without a key, says what is wrong with one, and goes on where the address led', async () => {
    const page = await open('/queue', english);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText('Paste your API key first.').waitFor();
    await signIn(page, 'im_0000000000000000_00000000000000000000000000000000');
    await page.getByText('The server does not accept this key.').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await signIn(page, await server.issueKey({ name: 'desk of Lin', role: 'member' }));
    await page.getByRole('heading', { name: 'Queue' }).waitFor();
    const cookie = (await page.context().cookies()).find(({ name }) => name === 'imagemill');
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax' });
    await page.getByRole('button', { name: 'Signed in: desk of Lin' }).click();
    await page.getByText('Member', { exact: true }).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('a viewer finds no page of an operator, no control that draws, and a sentence at their addresses', async () => {
    const admin = createClient({
      baseUrl: server.url,
      headers: { authorization: `Bearer ${await server.issueKey({ role: 'admin' })}` },
    });
    const { id } = await admin.submitGeneration({ prompt: 'a lighthouse' });
    for await (const event of admin.events(id)) expect(event.type).not.toBe('job.failed');
    const page = await open('/', english);
    await signIn(page, await server.issueKey({ name: 'showroom', role: 'viewer' }));
    await page.getByRole('button', { name: 'Open picture 1: a lighthouse' }).waitFor();
    await page.getByText('You may look at pictures but not draw any.').waitFor();
    const ways = page.getByRole('navigation').getByRole('link');
    expect(await ways.allTextContents()).toEqual(['Generate', 'Gallery', 'Bulk', 'Queue']);
    expect(await page.getByRole('textbox', { name: 'Prompt', exact: true }).count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Reuse settings' }).count()).toBe(0);
    await page.goto(`${server.url}/operation`);
    await page.getByRole('alert').getByText('This page is not for you').waitFor();
    await page.getByText(/^showroom has the role Viewer/).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.goto(`${server.url}/queue`);
    await page.getByText('Nothing waits.').waitFor();
    expect(await page.getByRole('button', { name: 'Pause the queue' }).count()).toBe(0);
  });

  test('a key that has only some scopes opens only their pages', async () => {
    const page = await open('/gallery', english);
    await signIn(page, await server.issueKey({ role: 'admin', scopes: ['assets:read'] }));
    await page.getByRole('heading', { name: 'Gallery' }).waitFor();
    expect(await page.getByRole('navigation').getByRole('link').allTextContents()).toEqual(['Gallery']);
    await page.goto(`${server.url}/`);
    await page.getByText('This page is not for you').waitFor();
  });

  test('a session that ends in the middle is begun again without losing what was typed', async () => {
    const key = await server.issueKey({ role: 'member' });
    const page = await open('/', english);
    await signIn(page, key);
    const prompt = page.getByRole('textbox', { name: 'Prompt', exact: true });
    await prompt.fill('a castle on an orange background');
    await page.getByRole('textbox', { name: 'Seed' }).fill('7');
    await page.context().clearCookies();
    await page.keyboard.press('Control+Enter');
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    expect(await seriousViolations(page)).toEqual([]);
    await dialog.getByLabel('API key').fill(key);
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    expect(await prompt.inputValue()).toBe('a castle on an orange background');
    await page.getByRole('button', { name: 'Draw', exact: true }).click();
    await page.getByRole('button', { name: 'Open picture 1: a castle on an orange background' }).waitFor();
  });

  test('whoever comes after a sign-out finds nothing of what was typed before', async () => {
    const page = await open('/', english);
    await signIn(page, await server.issueKey({ name: 'first', role: 'member' }));
    const prompt = page.getByRole('textbox', { name: 'Prompt', exact: true });
    await prompt.fill('a secret product');
    await page.getByRole('button', { name: 'Signed in: first' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(page, await server.issueKey({ name: 'second', role: 'member' }));
    await prompt.waitFor();
    expect(await prompt.inputValue()).toBe('');
  });

  test('the sign-in fits a screen of 390 px, in Chinese and in the dark', async () => {
    const page = await open('/', { ...narrow, colorScheme: 'dark' });
    await page.getByRole('heading', { name: '登录' }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect(await seriousViolations(page)).toEqual([]);
    await page.getByLabel('API 密钥').fill(await server.issueKey({ role: 'member' }));
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: '生成', exact: true }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  });

  test('a server on its own machine that needs no key shows who is taken for what', async () => {
    await using open = await startImagemill({ device: 'fixed:50' });
    const page = await pages.open(open.url, chinese);
    await page.getByRole('button', { name: '已登录：本机' }).click();
    await page.getByText('此服务器允许本机无需密钥直接使用。').waitFor();
    expect(await page.getByRole('button', { name: '退出登录' }).count()).toBe(0);
  });
});

describe.skipIf(!isBrowserThere)('a server with a sign-in provider', () => {
  let provider: SignInProvider;
  let server: ImagemillServer;
  const pages = usePages(/^Failed to load resource/, () => [provider.issuer]);

  beforeAll(async () => {
    provider = await startSignInProvider(() => [server.url]);
    provider.people['lin'] = { sub: 'lin', email: 'lin@example.com', email_verified: true, name: 'Lin' };
    const { issuer, clientId, clientSecret } = provider;
    const oidc = { oidcIssuer: issuer, oidcClientId: clientId, oidcClientSecret: clientSecret, oidcName: 'Example ID' };
    server = await startImagemill({ device: 'fixed:50', requireKey: true, ...oidc });
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await provider?.[Symbol.asyncDispose]();
  });

  test('says who is not invited, and lets them in where they wanted to go once they are', async () => {
    provider.person = 'lin';
    const page = await pages.open(`${server.url}/gallery`, english);
    await page.getByRole('link', { name: 'Sign in with Example ID' }).click();
    await page.getByRole('alert').getByText('Nobody has invited you yet.').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    const admin = createClient({
      baseUrl: server.url,
      headers: { authorization: `Bearer ${await server.issueKey({ role: 'admin' })}` },
    });
    await admin.createMember({ email: 'lin@example.com', role: 'member' });
    await page.goto(`${server.url}/gallery`);
    await page.getByRole('link', { name: 'Sign in with Example ID' }).click();
    await page.getByRole('heading', { name: 'Gallery' }).waitFor();
    await page.getByRole('button', { name: 'Signed in: Lin' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('begins a session that ended again in a tab of its own, and the first one stays as it was', async () => {
    provider.person = 'lin';
    const page = await pages.open(server.url, english);
    await page.getByRole('link', { name: 'Sign in with Example ID' }).click();
    const prompt = page.getByRole('textbox', { name: 'Prompt', exact: true });
    await prompt.fill('a kite');
    await page.context().clearCookies();
    await page.keyboard.press('Control+Enter');
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
    const tab = page.waitForEvent('popup');
    await dialog.getByRole('link', { name: 'Sign in with Example ID' }).click();
    await (await tab).getByText('Close this tab and go on in the other one.').waitFor();
    await dialog.waitFor({ state: 'detached' });
    expect(await prompt.inputValue()).toBe('a kite');
  });
});
