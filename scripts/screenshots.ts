/**
 * Takes docs/screenshots: every page of a server with the demo model, in both languages and both themes. Needs Chromium
 * (CHROMIUM_PATH names another one than Debian's).
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { createClient } from '../packages/api/src/client/index.ts';
import { startImagemill } from '../tests/support/imagemill-server.ts';

const folder = fileURLToPath(new URL('../docs/screenshots/', import.meta.url));
const pages = { generate: '/', gallery: '/gallery', queue: '/queue', operation: '/operation' } as const;
const looks = [
  { name: 'en-light', locale: 'en-US', colorScheme: 'light', width: 1280, height: 800 },
  { name: 'en-dark', locale: 'en-US', colorScheme: 'dark', width: 1280, height: 800 },
  { name: 'zh-light', locale: 'zh-CN', colorScheme: 'light', width: 1280, height: 800 },
  { name: 'zh-dark', locale: 'zh-CN', colorScheme: 'dark', width: 1280, height: 800 },
  { name: 'zh-narrow', locale: 'zh-CN', colorScheme: 'light', width: 390, height: 844 },
] as const;
const things = [
  '一只熊猫，绿色背景',
  'a rocket on a purple background',
  '一朵向日葵，蓝色背景',
  'a car on a yellow background',
];

await using server = await startImagemill();
const client = createClient({ baseUrl: server.url });
for (const [index, prompt] of things.entries()) {
  const { id } = await client.submitGeneration({ prompt, count: 3, seed: 11 * index });
  for await (const _event of client.events(id));
}
await client.pauseQueue();
await client.submitGeneration({ prompt: '一座灯塔，橙色背景', count: 4 });
await client.submitGeneration({ prompt: 'an owl on a dark blue background', count: 2, priority: 'bulk' });
const starred = (await client.listPictures({ limit: 3 })).items.map(({ id }) => id);
await client.markPictures({ ids: starred, starred: true, addTags: ['catalogue'] });

await mkdir(folder, { recursive: true });
const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--headless', '--disable-gpu'] });
try {
  for (const look of looks) await takeAll(browser, look);
} finally {
  await browser.close();
}

async function takeAll(from: Browser, look: (typeof looks)[number]): Promise<void> {
  const { name, locale, colorScheme, width, height } = look;
  const context = await from.newContext({ locale, colorScheme, viewport: { width, height } });
  for (const [title, path] of Object.entries(pages)) {
    const page = await context.newPage();
    await page.goto(server.url + path);
    await untilDrawn(page);
    const webp = await sharp(await page.screenshot())
      .webp({ quality: 72 })
      .toBuffer();
    await writeFile(`${folder}${title}-${name}.webp`, webp);
    await page.close();
  }
  await context.close();
}

/** The pictures that are on the screen have arrived, and nothing is asked for any more. */
async function untilDrawn(page: Page): Promise<void> {
  await page.locator('main').waitFor();
  await page.locator('main li, main article').first().waitFor();
  await page.evaluate(
    'Promise.all([...document.images].filter((image) => image.loading !== "lazy" || image.getBoundingClientRect().top < innerHeight).map((image) => image.decode().catch(() => undefined)))',
  );
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
}
