/**
 * Takes docs/screenshots: every page of a server with the demo model, in both languages and both themes, or those named
 * on the command line. Needs Chromium (CHROMIUM_PATH names another one than Debian's).
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { bulkRows, bulkTemplate, startFilledServer } from '../tests/support/filled-server.ts';
import { startImagemill } from '../tests/support/imagemill-server.ts';

const folder = fileURLToPath(new URL('../docs/screenshots/', import.meta.url));
interface Scene {
  readonly path: string;
  readonly prepare?: (page: Page) => Promise<void>;
  /** On a server that knows nobody yet. */
  readonly isClosed?: boolean;
  /** Down to its end, beyond the screen. */
  readonly isWhole?: boolean;
}

/** Pages by the name of their pictures, and what is done on them before. */
const pages: Readonly<Record<string, Scene>> = {
  'sign-in': { path: '/', isClosed: true },
  generate: { path: '/', prepare: withReference },
  gallery: { path: '/gallery' },
  picture: { path: '/gallery', prepare: openPicture },
  mask: { path: '/', prepare: paintMask },
  bulks: { path: '/bulks', prepare: chooseFile },
  queue: { path: '/queue' },
  dead: { path: '/queue', prepare: openAttempts },
  review: { path: '/review' },
  operation: { path: '/operation', isWhole: true },
  models: { path: '/operation/models' },
  loras: { path: '/operation/loras' },
  alerts: { path: '/alerts', isWhole: true },
  tenants: { path: '/administration/tenants' },
  members: { path: '/administration/members' },
  keys: { path: '/administration/keys' },
  usage: { path: '/administration/usage' },
  audit: { path: '/administration/audit' },
  settings: { path: '/administration/settings' },
};
const looks = [
  { name: 'en-light', locale: 'en-US', colorScheme: 'light', width: 1280, height: 800 },
  { name: 'en-dark', locale: 'en-US', colorScheme: 'dark', width: 1280, height: 800 },
  { name: 'zh-light', locale: 'zh-CN', colorScheme: 'light', width: 1280, height: 800 },
  { name: 'zh-dark', locale: 'zh-CN', colorScheme: 'dark', width: 1280, height: 800 },
  { name: 'zh-narrow', locale: 'zh-CN', colorScheme: 'light', width: 390, height: 844 },
] as const;

const named = process.argv.slice(2);
const wanted = Object.entries(pages).filter(([title]) => named.length === 0 || named.includes(title));

await using server = await startFilledServer();
const { client } = server;
// A line takes some points.
while ((await client.getSystemHistory()).samples.length < 6) await new Promise((resolve) => setTimeout(resolve, 1_000));
// Pages for who is not known: a server that asks for a key.
await using closed = await startImagemill({ requireKey: true });

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
  for (const [title, { path, prepare, isClosed = false, isWhole = false }] of wanted) {
    const page = await context.newPage();
    await page.goto((isClosed ? closed.url : server.url) + path);
    await untilDrawn(page);
    if (prepare !== undefined) await prepare(page);
    await untilDrawn(page);
    const webp = await sharp(await page.screenshot({ fullPage: isWhole }))
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
  await page.locator('main li, main article, main tbody tr, main input[type=password]').first().waitFor();
  await page.evaluate(
    'Promise.all([...document.images].filter((image) => image.loading !== "lazy" || image.getBoundingClientRect().top < innerHeight).map((image) => image.decode().catch(() => undefined)))',
  );
  await page.evaluate(
    'document.getAnimations().forEach((one) => one.effect.getComputedTiming().endTime < Infinity && one.finish())',
  );
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
}

async function openPicture(page: Page): Promise<void> {
  await page.locator('main li button').nth(3).click();
  await page.locator('dialog[open]').waitFor();
}

/** A picture of the gallery as the one to draw from, under a style. */
async function withReference(page: Page): Promise<void> {
  const picture = (await client.listPictures({ text: '熊猫' })).items[0];
  const draft = { prompt: '一只熊猫，粉色背景', image: { assetId: picture?.asset.id, strength: 0.7 }, values: {} };
  await page.evaluate(`localStorage.setItem('imagemill.draft', ${JSON.stringify(JSON.stringify(draft))})`);
  await page.reload();
  await page.locator('input[type=range]').waitFor();
}

async function paintMask(page: Page): Promise<void> {
  await withReference(page);
  await page.getByRole('button', { name: /^(Paint a mask|绘制蒙版)$/ }).click();
  const canvas = page.getByRole('application');
  const box = await canvas.boundingBox();
  if (box === null) throw new Error('the canvas is not shown');
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.3);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.65, box.y + box.height * 0.5, { steps: 6 });
  await page.mouse.up();
}

async function chooseFile(page: Page): Promise<void> {
  const file = { name: 'autumn.csv', mimeType: 'text/csv', buffer: Buffer.from(bulkRows) };
  await page.locator('input[type=file]').setInputFiles(file);
  await page.locator('textarea').fill(bulkTemplate);
  await page.locator('ol li').first().waitFor();
}

/** Where pictures were not drawn, with what became of every attempt. */
async function openAttempts(page: Page): Promise<void> {
  await page.locator('main article summary').first().click();
  await page.locator('main article').last().scrollIntoViewIfNeeded();
}
