import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContextOptions, Page, Route } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { createClient } from '../../packages/api/src/client/index.ts';
import { seriousViolations } from '../support/axe.ts';
import { hasBrowser, usePages } from '../support/browser.ts';
import { startImagemill } from '../support/imagemill-server.ts';

const chinese: BrowserContextOptions = { locale: 'zh-CN', viewport: { width: 1280, height: 860 } };
const english: BrowserContextOptions = { locale: 'en-US', viewport: { width: 1280, height: 860 } };

describe.skipIf(!hasBrowser())('the page when the server has trouble', () => {
  // The browser itself reports every refused and every unanswered request.
  const pages = usePages(/^Failed to load resource|dynamically imported module/);

  test('says that the server is slow, keeps what was typed, and a repeat is drawn once', async () => {
    await using server = await startImagemill({ device: 'fixed:0' });
    const page = await pages.open(server.url, english);
    const prompt = page.getByRole('textbox', { name: 'Prompt', exact: true });
    await prompt.fill('an owl on a blue background');
    let held: Route | undefined;
    await page.route('**/v1/generations', async (route) => {
      if (route.request().method() !== 'POST' || held !== undefined) return route.fallback();
      // The server takes the request, and its answer does not come.
      held = route;
      await route.fetch();
    });
    await page.keyboard.press('Control+Enter');
    await page.getByText('The server takes its time to answer.').waitFor();
    expect(await prompt.inputValue()).toBe('an owl on a blue background');
    expect(await seriousViolations(page)).toEqual([]);
    await held?.abort('timedout');
    await page.getByRole('alert').getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('button', { name: 'Open picture 1: an owl on a blue background' }).waitFor();
    const { items } = await createClient({ baseUrl: server.url }).listGenerations();
    expect(items).toHaveLength(1);
  });

  test('says in the head that the server is slow while a list does not come, and no longer once it does', async () => {
    await using server = await startImagemill({ device: 'fixed:0' });
    const page = await pages.open(server.url, chinese);
    await page.getByText(/^就绪/).waitFor();
    let goOn = (): void => undefined;
    const isGoingOn = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    await page.route('**/v1/pictures?*', async (route) => {
      await isGoingOn;
      await route.fallback();
    });
    await page.getByRole('navigation').getByRole('link', { name: '图库' }).click();
    await page.getByRole('status').getByText('服务器响应缓慢').waitFor();
    goOn();
    await page.getByText(/^就绪/).waitFor();
  });

  test('tells in how many seconds a key may ask again, and goes on then with all that was typed', async () => {
    await using server = await startImagemill({ device: 'fixed:0' });
    const key = await server.issueKey({ role: 'member', limits: { requestsPerMinute: 60 } });
    const page = await pages.open(`${server.url}/sign-in`, english);
    await page.evaluate(
      `fetch('/v1/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"key":"${key}"}' })`,
    );
    await page.goto(server.url);
    await page.getByText(/^Ready/).waitFor();
    const prompt = page.getByRole('textbox', { name: 'Prompt', exact: true });
    await prompt.fill('a panda on a green background');
    await useUp(page);
    await page.keyboard.press('Control+Enter');
    const alert = page.getByRole('form').getByRole('alert');
    await alert.getByText('There were too many requests.').waitFor();
    await alert.getByText(/^Possible again in \d+ sec\.$/).waitFor();
    expect(await prompt.inputValue()).toBe('a panda on a green background');
    await alert.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('button', { name: 'Open picture 1: a panda on a green background' }).waitFor();
  });

  test('tells why pictures were not drawn, attempt by attempt, and draws them once the cause is gone', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'imagemill-e2e-'));
    const settings = { dataDir };
    const first = await startImagemill({ ...settings, memoryReserveBytes: 1_099_511_627_776 });
    const page = await pages.open(`${first.url}/queue`, english);
    try {
      await createClient({ baseUrl: first.url }).submitGeneration({
        prompt: 'a castle',
        width: 64,
        height: 64,
        maxRetries: 1,
        retryBackoffSeconds: 0,
      });
      const row = page.getByRole('article', { name: 'Not drawn: a castle' });
      await row
        .getByText(/memory/i)
        .first()
        .waitFor();
      await row.getByText('2 attempts').click();
      expect(await row.getByRole('listitem').count()).toBe(2);
      expect(await seriousViolations(page)).toEqual([]);
    } finally {
      await first[Symbol.asyncDispose]();
    }
    await using _second = await startImagemill({ ...settings, port: Number(new URL(first.url).port) });
    const row = page.getByRole('article', { name: 'Not drawn: a castle' });
    await row.getByRole('button', { name: 'Try again' }).click();
    await row.waitFor({ state: 'detached' });
    await page.getByText('Every picture was drawn.').waitFor();
    await page.getByRole('navigation').getByRole('link', { name: 'Generate' }).click();
    await page.getByRole('button', { name: 'Open picture 1: a castle' }).waitFor();
    await page.context().close();
    rmSync(dataDir, { recursive: true });
  });

  test('offers a reload when a part of it is not there any more after an upgrade, and keeps what was typed', async () => {
    await using server = await startImagemill({ device: 'fixed:0' });
    const page = await pages.open(server.url, english);
    await page.getByRole('textbox', { name: 'Prompt', exact: true }).fill('a rocket on a white background');
    await page.route('**/assets/queue-page-*.js', (route) => route.fulfill({ status: 404, body: '{}' }));
    await page.getByRole('navigation').getByRole('link', { name: 'Queue' }).click();
    await page.getByRole('alert').getByText('The server has a new version of this page.').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.unroute('**/assets/queue-page-*.js');
    await page.getByRole('button', { name: 'Reload the page' }).click();
    await page.getByRole('heading', { name: 'Queue' }).waitFor();
    await page.getByRole('navigation').getByRole('link', { name: 'Generate' }).click();
    const prompt = page.getByRole('textbox', { name: 'Prompt', exact: true });
    expect(await prompt.inputValue()).toBe('a rocket on a white background');
  });
});

/** Sends requests until the server takes no more of this key. */
async function useUp(page: Page): Promise<void> {
  await page.evaluate(`(async () => { while ((await fetch('/v1/whoami')).status !== 429); })()`);
}
