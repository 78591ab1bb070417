import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createManifest, writeManifest } from '@imagemill/diffusion';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../packages/api/src/client/index.ts';
import { seriousViolations } from '../support/axe.ts';
import { hasBrowser, usePages } from '../support/browser.ts';
import { type ImagemillServer, startImagemill } from '../support/imagemill-server.ts';

const demoModel = fileURLToPath(new URL('../../models/demo', import.meta.url));

describe.skipIf(!hasBrowser())('what the server says of devices, models and adapters', () => {
  const pages = usePages();
  let folder: string;
  let server: ImagemillServer;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'imagemill-notices-'));
    const model = join(folder, 'models/shop/Half-Copied');
    cpSync(demoModel, model, { recursive: true, filter: (path) => !/\.(safetensors|sha256)$|manifest/.test(path) });
    await writeManifest(model, await createManifest(model));
    mkdirSync(join(folder, 'loras'));
    writeFileSync(join(folder, 'loras/ink.safetensors'), 'this is no adapter');
    const settings = { modelsDir: join(folder, 'models'), lorasDirs: [join(folder, 'loras')] };
    server = await startImagemill({ device: 'fixed:20', ...settings });
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test.each([
    {
      locale: 'zh-CN',
      grey: '图片为灰色：此设备每张等待 20 毫秒，不做任何计算。',
      missing: '缺少模型文件。',
      lora: 'LoRA 文件已损坏。',
      original: '服务器原文',
    },
    {
      locale: 'en-US',
      grey: 'Pictures are grey: this device waits 20 ms for each and computes nothing.',
      missing: 'A file of the model is missing.',
      lora: 'A LoRA file is damaged.',
      original: 'In the server’s words',
    },
  ])('is told in $locale, with the words of the server to open', async ({ locale, grey, missing, lora, original }) => {
    const page = await pages.open(`${server.url}/operation`, { locale, viewport: { width: 1280, height: 860 } });
    await page.getByRole('row').filter({ hasText: 'fixed:20' }).getByText(grey).waitFor();
    await page.goto(`${server.url}/operation/models`);
    const model = page.getByRole('row').filter({ hasText: 'Half-Copied' });
    await model.getByText(missing).waitFor();
    expect(await opened(model, original)).toContain('Half-Copied');
    expect(await seriousViolations(page)).toEqual([]);
    await page.goto(`${server.url}/operation/loras`);
    const adapter = page.getByRole('row').filter({ hasText: 'ink' });
    await adapter.getByText(lora).waitFor();
    expect(await opened(adapter, original)).toContain('ink.safetensors');
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('comes over the API with a code, its names and numbers, and an English sentence', async () => {
    const client = createClient({ baseUrl: server.url });
    const { engines } = await client.getSystem();
    expect(engines[0]?.notes).toEqual([
      { code: 'pictures_grey', message: expect.stringContaining('20 ms'), details: { ms: 20 } },
    ]);
    const model = (await client.listModels()).items.find(({ state }) => state === 'unusable');
    expect(model?.problem).toMatchObject({ code: 'checkpoint_file_missing', message: expect.any(String) });
    const adapter = (await client.listLoras()).items.find(({ name }) => name === 'ink');
    expect(adapter).toMatchObject({
      problem: { code: 'lora_invalid', details: { file: expect.stringContaining('ink.safetensors') } },
      warnings: [],
    });
  });
});

async function opened(row: Locator, summary: string): Promise<string> {
  await row.getByText(summary).click();
  const words = row.locator('details[open] p[lang=en]');
  await words.waitFor();
  return (await words.textContent()) ?? '';
}
