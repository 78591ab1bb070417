import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../packages/api/src/client/index.ts';
import type { GenerationRequestInput } from '../../packages/api/src/index.ts';
import { seriousViolations } from '../support/axe.ts';
import { hasBrowser, usePages } from '../support/browser.ts';
import { type ImagemillServer, startImagemill } from '../support/imagemill-server.ts';

const chinese: BrowserContextOptions = { locale: 'zh-CN', viewport: { width: 1280, height: 860 } };
const english: BrowserContextOptions = { locale: 'en-US', viewport: { width: 1280, height: 860 } };

const isBrowserThere = hasBrowser();

describe.skipIf(!isBrowserThere)('the page', () => {
  const pages = usePages();
  let server: ImagemillServer;
  const open = (options: BrowserContextOptions): Promise<Page> => pages.open(server.url, options);

  beforeAll(async () => {
    server = await startImagemill();
    await draw({ prompt: '一只熊猫，绿色背景' });
    await draw({ prompt: 'a rocket on a purple background', count: 2 });
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  async function draw(request: GenerationRequestInput): Promise<void> {
    const client = createClient({ baseUrl: server.url });
    const { id } = await client.submitGeneration(request);
    for await (const event of client.events(id)) expect(event.type).not.toBe('job.failed');
  }

  test('draws from a Chinese prompt at Ctrl+Enter and tells the steps while it does', async () => {
    const page = await open(chinese);
    await watchProgress(page);
    // Large and long enough that no machine is done before the page has painted a step.
    await page.getByRole('textbox', { name: '宽' }).fill('512');
    await page.getByRole('textbox', { name: '高' }).fill('512');
    await page.getByRole('textbox', { name: '步数' }).fill('50');
    await page.getByRole('textbox', { name: '提示词', exact: true }).fill('一只猫头鹰，深蓝色背景');
    await page.keyboard.press('Control+Enter');
    // By its prompt: until the new card is there, the first one is an older one's.
    await page.getByRole('button', { name: '打开第 1 张图片：一只猫头鹰，深蓝色背景' }).waitFor();
    const told = await toldProgress(page);
    expect(told).toEqual(expect.arrayContaining([expect.stringMatching(/^第 \d+ 步，共 50 步$/)]));
    const picture = `document.querySelector('article img')`;
    expect(await page.evaluate(`${picture}.decode().then(() => ${picture}.naturalWidth)`)).toBe(512);
    expect(await page.getByRole('log').textContent()).toBe('第 1 张图片已完成。');
  });

  test('follows a generation on after a reload in the middle', async () => {
    const page = await open(english);
    await page.getByRole('textbox', { name: 'Prompt', exact: true }).fill('a castle on an orange background');
    await page.getByRole('textbox', { name: 'Steps' }).fill('30');
    await page.getByRole('textbox', { name: 'Pictures' }).fill('8');
    await page.keyboard.press('Control+Enter');
    await firstCard(page).getByRole('progressbar').first().waitFor();
    const stream = page.waitForRequest((request) => request.url().endsWith('/events'));
    await page.reload();
    await stream;
    await watchProgress(page);
    await firstCard(page)
      .getByRole('button', { name: /^Open picture/ })
      .first()
      .waitFor();
    expect(await toldProgress(page)).toEqual(expect.arrayContaining([expect.stringMatching(/^Step \d+ of 30$/)]));
    expect(await page.getByRole('textbox', { name: 'Prompt', exact: true }).inputValue()).toBe(
      'a castle on an orange background',
    );
    await page.keyboard.press('Escape');
    await firstCard(page).getByRole('progressbar').first().waitFor({ state: 'detached' });
  });

  test('cancels the newest generation at Escape', async () => {
    const page = await open(chinese);
    await page.getByRole('textbox', { name: '提示词', exact: true }).fill('一座城堡，橙色背景');
    await page.getByRole('textbox', { name: '步数' }).fill('40');
    await page.getByRole('textbox', { name: '张数' }).fill('16');
    await page.keyboard.press('Control+Enter');
    await firstCard(page).getByText('等待中').first().waitFor();
    await page.keyboard.press('Escape');
    await firstCard(page).getByText('已取消').first().waitFor();
    await firstCard(page).getByRole('progressbar').first().waitFor({ state: 'detached' });
    expect(await firstCard(page).getByText('已取消').count()).toBeGreaterThan(0);
    expect(await firstCard(page).getByRole('button', { name: '取消' }).count()).toBe(0);
  });

  test('speaks the language of the browser until another is chosen, and remembers the choice', async () => {
    const page = await open(chinese);
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN');
    await page.getByRole('button', { name: '生成', exact: true }).waitFor();
    await page.getByText('English', { exact: true }).click();
    await page.getByRole('button', { name: 'Draw', exact: true }).waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    await page.reload();
    await page.getByRole('button', { name: 'Draw', exact: true }).waitFor();
  });

  test('shows a picture with its settings, gives it out as a file and takes its seed over', async () => {
    const page = await open(english);
    const picture = page.getByRole('button', { name: 'Open picture 1: 一只熊猫，绿色背景' });
    await picture.click();
    const viewer = page.getByRole('dialog', { name: 'Picture and its settings' });
    const seed = await viewer.getByRole('definition').nth(1).textContent();
    expect(seed).toMatch(/^\d+$/);
    const download = page.waitForEvent('download');
    await viewer.getByRole('button', { name: 'Download' }).click();
    expect((await download).suggestedFilename()).toBe(`一只熊猫-绿色背景-${seed}.png`);
    await page.reload();
    await viewer.getByRole('button', { name: 'Same seed' }).click();
    await viewer.waitFor({ state: 'detached' });
    expect(new URL(page.url()).hash).toBe('');
    expect(await page.getByRole('textbox', { name: 'Seed' }).inputValue()).toBe(seed);
    expect(await page.getByRole('textbox', { name: 'Prompt', exact: true }).inputValue()).toBe('一只熊猫，绿色背景');
  });

  test('closes the picture at the back button and leads to its neighbours by arrows', async () => {
    const page = await open(english);
    await page.getByRole('button', { name: /^Open picture 1: a rocket/ }).click();
    const viewer = page.getByRole('dialog');
    const position = await viewer.getByText(/^\d+ of \d+$/).textContent();
    await page.keyboard.press('ArrowRight');
    await viewer
      .getByText(/^\d+ of \d+$/)
      .filter({ hasNotText: position ?? '' })
      .waitFor();
    await page.goBack();
    await viewer.waitFor({ state: 'detached' });
    expect(new URL(page.url()).hash).toBe('');
  });

  test('moves a size to what the model draws and says the limits', async () => {
    const page = await open(english);
    await page.getByText('16:9', { exact: true }).click();
    const width = page.getByRole('textbox', { name: 'Width' });
    expect(Number(await width.inputValue())).toBeGreaterThan(256);
    await width.fill('250');
    await page.getByRole('textbox', { name: 'Prompt', exact: true }).focus();
    const grain = Number(/in steps of (\d+)/.exec((await page.getByText(/px a side/).textContent()) ?? '')?.[1]);
    expect(Number(await width.inputValue()) % grain).toBe(0);
    expect(Math.abs(Number(await width.inputValue()) - 250)).toBeLessThanOrEqual(grain / 2);
  });

  test('asks for a prompt instead of sending none', async () => {
    const page = await open(english);
    await page.getByRole('button', { name: 'Draw', exact: true }).click();
    expect(await page.getByRole('alert').textContent()).toBe('Write a prompt first.');
    expect(await page.locator('textarea:focus').count()).toBe(1);
  });

  test.each([
    ['light', chinese],
    ['dark', english],
  ] as const)('has no serious accessibility fault in the %s theme', async (colorScheme, options) => {
    const page = await open({ ...options, colorScheme });
    await page.getByRole('article').first().waitFor();
    await page.getByRole('button', { name: /^(反向提示词|Negative prompt)$/ }).click();
    expect(await seriousViolations(page)).toEqual([]);
    await page
      .getByRole('button', { name: /^(打开第|Open picture)/ })
      .first()
      .click();
    await page.getByRole('dialog').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('fits a screen of 390 px without scrolling sideways', async () => {
    const page = await open({ ...chinese, viewport: { width: 390, height: 844 } });
    await page.getByRole('article').first().waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('loads at most 250 kB of compressed script', async () => {
    const page = await open(english);
    await page.getByRole('article').first().waitFor();
    const names = `performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => name.endsWith('.js'))`;
    const dist = fileURLToPath(new URL('../../apps/web/dist', import.meta.url));
    const scripts = ((await page.evaluate(names)) as string[]).map((name) => dist + new URL(name).pathname);
    expect(scripts.length).toBeGreaterThan(1);
    const texts = scripts.map((path) => readFileSync(path, 'utf8'));
    const bytes = texts.reduce((sum, text) => sum + gzipSync(text).length, 0);
    expect(bytes).toBeLessThanOrEqual(250_000);
    // Built as it is shipped, whoever asked for the build.
    expect(texts.filter((text) => text.includes('jsxDEV'))).toEqual([]);
  });
});

describe.skipIf(!isBrowserThere)('the page in trouble', () => {
  // The browser itself reports every refused and every unanswered request.
  const pages = usePages(/^Failed to load resource/);

  test('says in plain words that the disk is full, and keeps what was typed over a reload', async () => {
    await using server = await startImagemill({ minFreeBytes: Number.MAX_SAFE_INTEGER });
    const page = await pages.open(server.url, chinese);
    const prompt = page.getByRole('textbox', { name: '提示词', exact: true });
    await page.getByRole('button', { name: '一朵向日葵，蓝色背景' }).click();
    await page.keyboard.press('Control+Enter');
    await page.getByRole('alert').getByText('服务器的磁盘已满。').waitFor();
    await page.getByRole('alert').getByRole('button', { name: '重试' }).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.reload();
    expect(await prompt.inputValue()).toBe('一朵向日葵，蓝色背景');
  });

  test('says that the server does not answer, and finds it again by itself', async () => {
    const first = await startImagemill();
    const page = await pages.open(first.url, english);
    await page.getByText(/^Ready/).waitFor();
    await page.getByRole('textbox', { name: 'Prompt', exact: true }).fill('an owl on a dark blue background');
    await first[Symbol.asyncDispose]();
    await page.keyboard.press('Control+Enter');
    await page.getByRole('form').getByText('The server does not answer.').waitFor();
    await page.getByRole('status').getByText('Server does not answer').waitFor();
    await using _again = await startImagemill({ port: Number(new URL(first.url).port) });
    await page.getByText(/^Ready/).waitFor();
    await page.getByRole('form').getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('button', { name: 'Open picture 1: an owl on a dark blue background' }).waitFor();
  });
});

function firstCard(page: Page): Locator {
  return page.getByRole('article').first();
}

/** Starts to write down what the progress bars say; a step of a small model is over before a test could ask for it. */
async function watchProgress(page: Page): Promise<void> {
  await page.evaluate(`
    globalThis.told = new Set();
    new MutationObserver(() => {
      for (const bar of document.querySelectorAll('[role=progressbar]')) told.add(bar.ariaValueText);
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
  `);
}

async function toldProgress(page: Page): Promise<string[]> {
  return (await page.evaluate('[...told]')) as string[];
}
