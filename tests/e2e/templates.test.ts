import type { BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../../packages/api/src/client/index.ts';
import { seriousViolations } from '../support/axe.ts';
import { hasBrowser, usePages } from '../support/browser.ts';
import { type ImagemillServer, startImagemill } from '../support/imagemill-server.ts';

const chinese: BrowserContextOptions = { locale: 'zh-CN', viewport: { width: 1280, height: 860 } };
const english: BrowserContextOptions = { locale: 'en-US', viewport: { width: 1280, height: 860 } };

describe.skipIf(!hasBrowser())('styles, templates and speed', () => {
  const pages = usePages();
  let server: ImagemillServer;
  let client: Client;

  beforeAll(async () => {
    server = await startImagemill({ device: 'fixed:20' });
    client = createClient({ baseUrl: server.url });
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test('a built-in template asks for its fields and draws what came of them, in Chinese', async () => {
    const page = await pages.open(server.url, chinese);
    await page.getByRole('combobox', { name: '风格或模板' }).selectOption('商品棚拍');
    await page.getByRole('textbox', { name: '提示词', exact: true }).fill('一只茶壶');
    await page.keyboard.press('Control+Enter');
    await page.getByText('请填写。').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.getByRole('textbox', { name: '颜色' }).fill('浅灰');
    await page.getByRole('radiogroup', { name: '速度' }).getByText('快速').click();
    expect(await page.getByRole('textbox', { name: '步数' }).inputValue()).toBe('4');
    await page.keyboard.press('Control+Enter');
    const prompt = '一只茶壶，浅灰背景，商品摄影，柔和棚灯';
    await page.getByRole('button', { name: `打开第 1 张图片：${prompt}` }).waitFor();
    expect((await client.listGenerations()).items[0]).toMatchObject({ prompt, steps: 4 });
    // Taken over, the picture's prompt stands for itself.
    await page.getByRole('button', { name: '套用设置' }).first().click();
    expect(await page.getByRole('textbox', { name: '提示词', exact: true }).inputValue()).toBe(prompt);
    expect(await page.getByRole('combobox', { name: '风格或模板' }).inputValue()).toBe('');
  });

  test('a template of one’s own is there on another device, is filled in there, and is deleted', async () => {
    const first = await pages.open(server.url, english);
    await first.getByRole('textbox', { name: 'Prompt', exact: true }).fill('{{product}} on a {{colour}} table');
    await first.getByRole('textbox', { name: 'colour' }).waitFor();
    await first.getByRole('button', { name: 'Keep the prompt as a template' }).click();
    await first.getByRole('textbox', { name: 'Name of the template' }).fill('Table');
    await first.keyboard.press('Enter');
    await first.getByRole('button', { name: 'Delete the template' }).waitFor();
    const second = await pages.open(server.url, english);
    await second.getByRole('combobox', { name: 'Style or template' }).selectOption('Table');
    await second.getByRole('textbox', { name: 'product' }).fill('a lamp');
    await second.getByRole('textbox', { name: 'colour' }).fill('red');
    await second.reload();
    expect(await second.getByRole('textbox', { name: 'colour' }).inputValue()).toBe('red');
    await second.keyboard.press('Control+Enter');
    await second.getByRole('button', { name: 'Open picture 1: a lamp on a red table' }).waitFor();
    await second.getByRole('button', { name: 'Delete the template' }).click();
    await second.getByRole('button', { name: 'Delete the template' }).waitFor({ state: 'detached' });
    expect((await client.listTemplates()).items).toEqual([]);
  });
});
