import { fileURLToPath } from 'node:url';
import type { BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../../packages/api/src/client/index.ts';
import { seriousViolations } from '../support/axe.ts';
import { hasBrowser, usePages } from '../support/browser.ts';
import { type ImagemillServer, startImagemill } from '../support/imagemill-server.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));
const english: BrowserContextOptions = { locale: 'en-US', viewport: { width: 1280, height: 860 } };
const chinese: BrowserContextOptions = { locale: 'zh-CN', viewport: { width: 390, height: 844 } };

describe.skipIf(!hasBrowser())('the review page', () => {
  const pages = usePages();
  let server: ImagemillServer;
  let client: Client;
  beforeAll(async () => {
    server = await startImagemill({
      ...{ device: 'cpu', model, calibrate: false },
      qualityPolicy: { actions: { blank: 'review' }, limits: { blankSpread: 127.5 } },
    });
    client = createClient({ baseUrl: server.url });
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  async function draw(prompt: string): Promise<string> {
    const { id } = await client.submitGeneration({ prompt, steps: 2, width: 128, height: 128 });
    for await (const _ of client.events(id));
    return id;
  }

  test('shows what was held back and why, and accepts or rejects it', async () => {
    const [kept, dropped] = [await draw('a red lamp'), await draw('a blue lamp')];
    const page = await pages.open(`${server.url}/`, english);
    await page.getByRole('navigation').getByRole('link', { name: 'Review' }).click();
    expect(new URL(page.url()).pathname).toBe('/review');
    const card = (prompt: string) => page.getByRole('article', { name: `Picture to review: ${prompt}` });
    await card('a red lamp').getByText('Held back until somebody decides').waitFor();
    await card('a red lamp')
      .getByText(/^Of one colour/)
      .waitFor();
    await card('a red lamp').getByRole('img').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await card('a red lamp').getByRole('button', { name: 'Accept' }).click();
    await card('a red lamp').waitFor({ state: 'detached' });
    await card('a blue lamp').getByRole('button', { name: 'Reject' }).click();
    await page.getByText('Nothing waits for a decision.').waitFor();
    expect((await client.getGeneration(kept)).state).toBe('succeeded');
    expect((await client.getGeneration(dropped)).state).toBe('failed');
  });

  test('speaks Chinese, also on a narrow screen, and has a picture drawn once more', async () => {
    const id = await draw('一盏灯');
    const [before] = (await client.getGeneration(id)).jobs;
    const page = await pages.open(`${server.url}/review`, chinese);
    const card = page.getByRole('article', { name: '待审核的图片：一盏灯' });
    await card.getByText('只有一种颜色').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await card.getByRole('button', { name: '重新绘制' }).click();
    await expect.poll(async () => (await client.getGeneration(id)).jobs[0]?.triedSeeds).toEqual([before?.seed]);
  });
});
