import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import type { BrowserContextOptions, Download, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { createClient } from '../../packages/api/src/client/index.ts';
import { seriousViolations } from '../support/axe.ts';
import { hasBrowser, usePages } from '../support/browser.ts';
import { startImagemill } from '../support/imagemill-server.ts';

const chinese: BrowserContextOptions = { locale: 'zh-CN', viewport: { width: 1280, height: 860 } };
const english: BrowserContextOptions = { locale: 'en-US', viewport: { width: 1280, height: 860 } };

describe.skipIf(!hasBrowser())('the page of bulks', () => {
  // A server of a test ends before its page does, which may be asking how things stand.
  const pages = usePages(/ERR_CONNECTION_REFUSED/);

  test('draws a CSV file: columns, preview, broken lines, estimate, pictures as ZIP and table', async () => {
    await using server = await startImagemill();
    const page = await pages.open(`${server.url}/bulks`, english);
    const csv = 'product,colour,w\nan owl,blue,64\na rocket,,64\na car,red,64\n';
    await choose(page, 'Choose a file', 'products.csv', csv);
    expect(await page.getByRole('combobox', { name: 'w', exact: true }).inputValue()).toBe('width');
    await page.getByRole('button', { name: '{{product}}' }).click();
    const template = page.getByRole('textbox', { name: 'Template of the prompts' });
    await template.fill(`${await template.inputValue()} on a {{colour}} background`);
    await page.getByRole('textbox', { name: 'Height' }).fill('64');
    await page.getByRole('textbox', { name: 'Steps' }).fill('1');
    await page.getByRole('listitem').filter({ hasText: 'an owl on a blue background 64 × 64' }).waitFor();
    await page.getByText('not measured yet').waitFor();
    await page.getByText('1 broken line').click();
    await page.getByText('Line 3: The template needs "colour"').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Draw 2 pictures' }).click();
    const record = page.getByRole('article', { name: 'Bulk: products.csv' });
    await record.getByText('2 of 2 pictures drawn').waitFor();
    await record.getByText('Finished').waitFor();
    await record.getByRole('button', { name: '1 broken line' }).click();
    await record.getByText('Line 3:').waitFor();
    const zip = unzipSync(await saved(page, () => record.getByRole('link', { name: 'Pictures as ZIP' }).click()));
    expect(Object.keys(zip)).toEqual(['000002-0.png', '000004-0.png']);
    const table = await saved(page, () => record.getByRole('link', { name: 'Table as CSV' }).click());
    expect(table.toString('utf8')).toContain('an owl on a blue background');
    expect(await seriousViolations(page)).toEqual([]);
    await record.getByRole('button', { name: 'Next file: only what changed' }).click();
    await choose(page, 'Choose a file', 'again.csv', `${csv}a pear,white,64\n`);
    await page.getByRole('button', { name: 'Draw 1 picture' }).waitFor();
    const measured = page.getByText('Device time').locator('xpath=following-sibling::dd');
    expect(await measured.textContent()).toMatch(/\d/);
  });

  test('pauses, goes on and cancels, also after a reload and in Chinese, with columns known by their names', async () => {
    await using server = await startImagemill({ device: 'fixed:200' });
    const client = createClient({ baseUrl: server.url });
    const page = await pages.open(`${server.url}/bulks`, { ...chinese, colorScheme: 'dark' });
    const rows = Array.from({ length: 200 }, (_, at) => `一只猫 ${at},64,64`);
    await choose(page, '选择文件', '猫.csv', `提示词,宽,高\n${rows.join('\n')}\n`);
    await page.getByRole('button', { name: '绘制 200 张图片' }).click();
    const record = page.getByRole('article', { name: '批量：猫.csv' });
    await record.getByRole('button', { name: '暂停' }).click();
    await record.getByText('已暂停').waitFor();
    await page.reload();
    await record.getByText('已暂停').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    const [bulk] = (await client.listBulks()).items;
    expect(bulk?.state).toBe('paused');
    await record.getByRole('button', { name: '继续' }).click();
    await record.getByRole('button', { name: '暂停' }).waitFor();
    await record.getByRole('button', { name: '取消' }).click();
    await record.getByText('已取消').waitFor();
    expect((await client.getBulk(String(bulk?.id))).state).toBe('cancelled');
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  });
});

describe.skipIf(!hasBrowser())('a line that cannot be drawn', () => {
  const pages = usePages(/ERR_CONNECTION_REFUSED/);
  const broken = (page: Page, line: number) => page.getByRole('listitem').filter({ hasText: `第 ${line} 行` });

  test('says why in Chinese, in the plan and in the record of the bulk', async () => {
    await using server = await startImagemill({ device: 'fixed:10' });
    const page = await pages.open(`${server.url}/bulks`, chinese);
    const csv = 'prompt,颜色,width\n一只猫,蓝,64\n一只狗,蓝\n一只鸟,,64\n一匹马,红,65\n一头牛,红,abc\n';
    await choose(page, '选择文件', '动物.csv', csv);
    await page.getByRole('textbox', { name: '提示词模板' }).fill('{{prompt}}，{{颜色}}背景');
    await page.getByText('4 行有误').click();
    await broken(page, 3).getByText('该行有 2 个单元格，表头有 3 个。').waitFor();
    await broken(page, 4).getByText('模板需要 "颜色"，但该行没有。').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await broken(page, 5).getByText('“宽”不符合此模型的步长。').waitFor();
    await broken(page, 6).getByText('“宽”类型不对。').waitFor();
    await page.getByRole('button', { name: '绘制 1 张图片' }).click();
    const record = page.getByRole('article', { name: '批量：动物.csv' });
    await record.getByRole('button', { name: '4 行有误' }).click();
    await record.getByText('该行有 2 个单元格，表头有 3 个。').waitFor();
    await record.getByText('模板需要 "颜色"，但该行没有。').waitFor();
    expect(await record.textContent()).not.toMatch(/The row|The template|must be|is not/);
  });

  test('says why in Chinese for lines of JSON', async () => {
    await using server = await startImagemill({ device: 'fixed:10' });
    const page = await pages.open(`${server.url}/bulks`, chinese);
    const lines = [
      '{"prompt":"一只猫"}',
      'kein JSON',
      '[1]',
      '{"prompt":{"text":"一只猫"}}',
      '{"prompt":"一只猫","model":"nix"}',
    ];
    await choose(page, '选择文件', '动物.jsonl', `${lines.join('\n')}\n`);
    await page.getByText('4 行有误').click();
    await broken(page, 2).getByText('该行不是 JSON。').waitFor();
    await broken(page, 3).getByText('该行不是 JSON 对象。').waitFor();
    await broken(page, 4).getByText('“prompt”既不是文本也不是数字。').waitFor();
    expect(await broken(page, 5).textContent()).toMatch(/模型.+。$/);
  });
});

describe.skipIf(!hasBrowser())('a file that cannot be read', () => {
  // The browser itself reports every refused request.
  const pages = usePages(/^Failed to load resource/);

  test('is told in words, and another one can be chosen', async () => {
    await using server = await startImagemill({ device: 'fixed:10' });
    const page = await pages.open(`${server.url}/bulks`, english);
    await choose(page, 'Choose a file', 'broken.xlsx', 'this is no workbook');
    await page.getByRole('alert').getByText('The file cannot be read.').waitFor();
    await choose(page, 'Choose a file', 'good.jsonl', '{"prompt":"a cat"}\n');
    await page.getByRole('button', { name: 'Draw 1 picture' }).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });
});

async function choose(page: Page, label: string, name: string, content: string): Promise<void> {
  await page.getByLabel(label).setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(content) });
}

/** Bytes of the file that a click makes the browser save. */
async function saved(page: Page, click: () => Promise<void>): Promise<Buffer> {
  const [download] = await Promise.all([page.waitForEvent('download') as Promise<Download>, click()]);
  return readFileSync(await download.path());
}
