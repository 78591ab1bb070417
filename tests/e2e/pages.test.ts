import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../packages/api/src/client/index.ts';
import { seriousViolations } from '../support/axe.ts';
import { hasBrowser, usePages } from '../support/browser.ts';
import { writeLora } from '../support/demo-lora.ts';
import { type ImagemillServer, startImagemill } from '../support/imagemill-server.ts';

const demoModel = fileURLToPath(new URL('../../models/demo', import.meta.url));
const chinese: BrowserContextOptions = { locale: 'zh-CN', viewport: { width: 1280, height: 860 } };
const english: BrowserContextOptions = { locale: 'en-US', viewport: { width: 1280, height: 860 } };

describe.skipIf(!hasBrowser())('the pages beside the first', () => {
  const pages = usePages();
  let server: ImagemillServer;
  const open = (path: string, options: BrowserContextOptions): Promise<Page> => pages.open(server.url + path, options);

  beforeAll(async () => {
    server = await startImagemill({ device: 'fixed:50', alertIntervalSeconds: 0.2 });
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test('the queue shows what waits on every device, pauses, re-prioritises and cancels, over a reload', async () => {
    const page = await open('/', english);
    await page.getByRole('navigation').getByRole('link', { name: 'Queue' }).click();
    expect(new URL(page.url()).pathname).toBe('/queue');
    await page.getByRole('button', { name: 'Pause the queue' }).click();
    await page.getByRole('button', { name: 'Resume the queue' }).waitFor();
    const client = createClient({ baseUrl: server.url });
    const { id } = await client.submitGeneration({ prompt: 'a lighthouse', count: 3 });
    const row = page.getByRole('article', { name: 'Generation: a lighthouse' });
    await row.getByText('0 of 3 done, 0 in work').waitFor();
    await row.getByText('Place 3').waitFor();
    await row.getByRole('combobox', { name: 'Priority' }).selectOption('bulk');
    await row.locator('select').and(page.locator(':has(option[value=bulk]:checked)')).waitFor();
    await page.getByRole('listitem').filter({ hasText: 'Bulk' }).getByText('0 in work · 3 waiting').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.reload();
    await row.getByRole('button', { name: 'Cancel' }).click();
    await row.waitFor({ state: 'detached' });
    expect((await client.getGeneration(id)).state).toBe('cancelled');
    await page.getByRole('button', { name: 'Resume the queue' }).click();
    await page.getByRole('button', { name: 'Pause the queue' }).waitFor();
  });

  test('the dashboard tells what was drawn, on which device, and where the time went', async () => {
    const client = createClient({ baseUrl: server.url });
    const { id } = await client.submitGeneration({ prompt: 'a lighthouse', count: 3 });
    for await (const event of client.events(id)) expect(event.type).not.toBe('job.failed');
    const page = await open('/operation', english);
    await page.getByRole('img', { name: /^3 pictures in 60 minutes/ }).waitFor();
    await page.getByRole('row', { name: /^Denoise steps/ }).waitFor();
    await page.getByText('fixed:50', { exact: true }).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('the alerts page shows what fires, takes a changed rule, adds a channel and keeps alerts back', async () => {
    const page = await open('/alerts', english);
    const rule = page.getByRole('form', { name: 'The queue is long' });
    await rule.getByRole('spinbutton', { name: 'Threshold' }).fill('0');
    await rule.getByRole('spinbutton', { name: 'For seconds' }).fill('0');
    await rule.getByRole('button', { name: 'Save' }).click();
    const client = createClient({ baseUrl: server.url });
    await client.pauseQueue();
    const { id } = await client.submitGeneration({ prompt: 'a lighthouse', count: 2 });
    await page.getByRole('listitem').filter({ hasText: 'Length of the queue 2' }).getByText('I am on it').click();
    await page.getByText(/ is on it/).waitFor();
    const channel = page.getByRole('form', { name: 'New channel' });
    await channel.getByRole('combobox', { name: 'Kind' }).selectOption('slack');
    await channel.getByRole('textbox', { name: 'Address of the hook' }).fill('https://hooks.example.com/very-secret');
    await channel.getByRole('button', { name: 'Add' }).click();
    await page.getByText('hooks.example.com').waitFor();
    expect(await page.content()).not.toContain('very-secret');
    await page.getByRole('form', { name: 'New silence' }).getByRole('button', { name: 'Silence' }).click();
    await page.getByRole('button', { name: 'End' }).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await client.cancelGeneration(id);
    await client.resumeQueue();
    await rule.getByRole('button', { name: 'Reset' }).click();
  });

  test('the gallery finds, stars, tags, packs, compares, deletes with undo and gives settings back', async () => {
    const client = createClient({ baseUrl: server.url });
    const { id } = await client.submitGeneration({ prompt: '一盏灯，黄色背景', count: 3, seed: 40, steps: 2 });
    for await (const event of client.events(id)) expect(event.type).not.toBe('job.failed');
    const page = await open('/gallery', english);
    await page.getByRole('textbox', { name: 'Search in prompts' }).fill('一盏灯');
    const tiles = page.getByRole('list', { name: 'Gallery' }).getByRole('listitem');
    const checks = page.getByRole('checkbox', { name: 'Select picture: 一盏灯，黄色背景' });
    await checks.nth(2).waitFor();
    for (const index of [0, 1]) await tiles.nth(index).getByRole('checkbox').check();
    await page.getByText('2 pictures selected').waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download as ZIP' }).click();
    expect((await download).suggestedFilename()).toBe('imagemill.zip');
    await page.getByRole('textbox', { name: 'New tag' }).fill('best');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByRole('dialog', { name: 'Compare' }).getByRole('figure').nth(1).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('2 pictures deleted.').waitFor();
    await checks.nth(1).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await checks.nth(2).waitFor();
    await tiles.first().getByRole('button').click();
    const details = page.getByRole('dialog', { name: 'Picture and its settings' });
    await details.getByText('best').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.keyboard.press('.');
    await details.getByRole('button', { name: 'Remove the star' }).waitFor();
    await page.keyboard.press('a');
    expect(await page.getByRole('textbox', { name: 'Seed' }).inputValue()).toBe('42');
    expect((await client.listPictures({ starred: true, tag: 'best' })).items.map(({ seed }) => seed)).toEqual([42]);
  });

  test('a LoRA is uploaded, weighted and drawn with, the prompts of before come back, and the keys are listed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'imagemill-lora-'));
    const metadata = { 'modelspec.trigger_phrase': 'inkstyle' };
    const file = await writeLora(folder, 'ink', { model: demoModel, seed: 5, metadata });
    const page = await open('/', english);
    await page.getByLabel('Upload a LoRA').setInputFiles(file);
    // The browser reads the file while it sends it.
    await page.getByRole('textbox', { name: 'Strength of ink' }).fill('-0.5');
    rmSync(folder, { recursive: true });
    const prompt = page.getByRole('textbox', { name: 'Prompt', exact: true });
    await prompt.fill('a teapot');
    await page.getByRole('button', { name: 'inkstyle' }).click();
    expect(await prompt.inputValue()).toBe('a teapot, inkstyle');
    expect(await seriousViolations(page)).toEqual([]);
    await page.keyboard.press('Control+Enter');
    await page.getByRole('button', { name: 'Open picture 1: a teapot, inkstyle' }).waitFor();
    const client = createClient({ baseUrl: server.url });
    expect((await client.listPictures({ lora: 'ink' })).items.map(({ loras }) => loras[0]?.strength)).toEqual([-0.5]);
    await prompt.fill('');
    await prompt.press('Alt+ArrowUp');
    expect(await prompt.inputValue()).toBe('a teapot, inkstyle');
    await prompt.blur();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).getByText('Take over everything but the seed').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('the way back leads through the pages', async () => {
    const page = await open('/queue', chinese);
    await page.getByRole('navigation').getByRole('link', { name: '运维' }).click();
    await page.getByRole('heading', { name: '运维' }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: '队列' }).waitFor();
  });
});
