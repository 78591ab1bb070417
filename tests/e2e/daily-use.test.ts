import type { BrowserContextOptions, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../../packages/api/src/client/index.ts';
import { hasBrowser, untilTrue, usePages } from '../support/browser.ts';
import { type ImagemillServer, startImagemill } from '../support/imagemill-server.ts';

const english: BrowserContextOptions = { locale: 'en-US', viewport: { width: 1280, height: 860 } };

describe.skipIf(!hasBrowser())('a day with the page', () => {
  const pages = usePages();
  let server: ImagemillServer;
  let client: Client;
  const open = (path: string, options = english): Promise<Page> => pages.open(server.url + path, options);

  beforeAll(async () => {
    server = await startImagemill({ device: 'fixed:10' });
    client = createClient({ baseUrl: server.url });
    await draw('a lamp on a grey background', 6);
    await draw('a boat on a blue background', 2);
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  async function draw(prompt: string, count: number): Promise<void> {
    const { id } = await client.submitGeneration({ prompt, count, steps: 2, seed: 100 });
    for await (const event of client.events(id)) expect(event.type).not.toBe('job.failed');
  }

  const tick = (page: Page): Promise<number> => page.locator('main input[type=checkbox]:checked').count();

  test('says which numbers fit where another one was typed, and draws with the one it shows', async () => {
    const page = await open('/');
    const field = (name: string) => page.getByRole('textbox', { name, exact: true });
    await field('Width').fill('250');
    await field('Steps').fill('1000');
    await page
      .getByRole('form')
      .getByText(/^250 does not fit: 32 to 2,048, in steps of 32\.$/)
      .waitFor();
    await field('Seed').fill('1089124566777123');
    await page
      .getByRole('form')
      .getByText(/^1000 does not fit: 1 to 100\.$/)
      .waitFor();
    await field('Height').fill('１２８');
    await field('Width').fill('');
    await field('Prompt').fill('a kite on a white background');
    expect(await field('Width').inputValue()).toBe('256');
    await field('Steps').fill('2');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('button', { name: /^Open picture 1: a kite/ }).waitFor();
    const [made] = (await client.listGenerations()).items;
    expect(made).toMatchObject({ width: 256, height: 128, steps: 2, seed: 1_089_124_566_777_123 });
    await field('Height').press('ArrowUp');
    expect(await field('Height').inputValue()).toBe('160');
  });

  test('a large photo keeps its proportions as the picture to draw from', async () => {
    const page = await open('/');
    const photo = sharp({ create: { width: 4_000, height: 2_000, channels: 3, background: '#246' } });
    const buffer = await photo.jpeg().toBuffer();
    const file = { name: 'photo.jpg', mimeType: 'image/jpeg', buffer };
    await page.getByLabel('Choose a picture to draw from').setInputFiles(file);
    await page.getByRole('slider', { name: 'Strength' }).waitFor();
    const side = async (name: string): Promise<number> =>
      Number(await page.getByRole('textbox', { name, exact: true }).inputValue());
    const [width, height] = [await side('Width'), await side('Height')];
    expect(width / height).toBeCloseTo(2, 0);
    expect(width * height).toBeLessThan(1.2 * 256 * 256);
  });

  test('a file that is no picture is not taken in silence when it is dropped', async () => {
    const page = await open('/gallery');
    await page.getByRole('heading', { name: 'Gallery' }).waitFor();
    const transfer = await page.evaluateHandle(
      `(() => { const transfer = new DataTransfer(); transfer.items.add(new File(['hello'], 'notes.txt', { type: 'text/plain' })); return transfer; })()`,
    );
    for (const type of ['dragover', 'drop']) await page.dispatchEvent('main', type, { dataTransfer: transfer });
    await page.getByText('notes.txt is no picture. PNG, JPEG and WebP can be dropped here.').waitFor();
    expect(new URL(page.url()).pathname).toBe('/gallery');
  });

  test('a picture of the gallery has an address: the back button closes it, a reload and another browser open it', async () => {
    const page = await open('/gallery?text=lamp');
    await page
      .getByRole('button', { name: /^Open picture: a lamp/ })
      .nth(1)
      .click();
    const viewer = page.getByRole('dialog', { name: 'Picture and its settings' });
    await viewer.waitFor();
    const address = page.url();
    await page.goBack();
    await viewer.waitFor({ state: 'detached' });
    expect(new URL(page.url()).pathname).toBe('/gallery');
    const other = await open(address.slice(server.url.length));
    await other.getByRole('dialog', { name: 'Picture and its settings' }).getByText('of 6').waitFor();
    // One that the list before it does not hold.
    const alone = await open(address.slice(server.url.length).replace('text=lamp', 'text=boat'));
    await alone.getByRole('dialog').getByText('a lamp on a grey background').waitFor();
  });

  test('a letter that takes over from a picture is not written into the prompt', async () => {
    const page = await open('/gallery?text=boat');
    const prompt = page.getByRole('textbox', { name: 'Prompt', exact: true });
    for (const [key, from] of [
      ['a', '/gallery?text=boat'],
      ['p', '/'],
    ] as const) {
      await page.goto(server.url + from);
      await page
        .getByRole('button', { name: /^Open picture/ })
        .first()
        .click();
      await page.getByRole('dialog', { name: 'Picture and its settings' }).waitFor();
      await page.keyboard.press(key);
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await prompt.waitFor();
      expect(await prompt.inputValue()).toMatch(/^a (boat|lamp|kite) on a \w+ background$/);
    }
  });

  test('the theme and the language are changed in the middle of work, and a dialogue gives the focus back', async () => {
    const page = await open('/administration/tenants');
    await page.getByRole('button', { name: 'Use the dark theme' }).click();
    await untilTrue(page, `document.documentElement.dataset.mantineColorScheme === 'dark'`);
    await page.getByRole('button', { name: 'New tenant' }).click();
    const form = page.getByRole('form', { name: 'New tenant' });
    await form.getByLabel('ID').fill('shop');
    await form.getByLabel('Name').fill('Shop');
    await page.keyboard.press('Enter');
    await form.waitFor({ state: 'detached' });
    await untilTrue(page, `document.activeElement?.textContent === 'New tenant'`);
  });

  test('who cancels by keys in the queue keeps their place', async () => {
    await client.pauseQueue();
    for (const prompt of ['a first', 'a second']) await client.submitGeneration({ prompt });
    const page = await open('/queue');
    const cancel = page.getByRole('article').getByRole('button', { name: 'Cancel' });
    await cancel.nth(1).waitFor();
    await cancel.first().focus();
    await page.keyboard.press('Enter');
    await untilTrue(page, `document.querySelectorAll('main article').length === 1`);
    await untilTrue(page, `document.activeElement?.closest('main section') !== null`);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    expect(await cancel.evaluate((button) => button.ownerDocument.activeElement === button)).toBe(true);
    await page.keyboard.press('Enter');
    await cancel.waitFor({ state: 'detached' });
    await client.resumeQueue();
  });

  test('each page has a name of its own in the tab, also under an address with a slash at its end', async () => {
    const page = await open('/operation/loras/');
    await page.getByRole('heading', { name: 'Operation' }).waitFor();
    expect(await page.getByRole('link', { name: 'LoRAs' }).getAttribute('aria-current')).toBe('page');
    expect(await page.title()).toBe('Operation · Imagemill');
    await page.getByRole('link', { name: 'Generate' }).click();
    await untilTrue(page, `document.title === 'Imagemill'`);
  });

  test('Escape closes what is open and cancels nothing behind it; a field that is missing gets the focus', async () => {
    await client.pauseQueue();
    const { id } = await client.submitGeneration({ prompt: 'a waiting one' });
    const page = await open('/');
    await page.getByRole('article', { name: 'a waiting one' }).waitFor();
    await page.getByRole('button', { name: /^Signed in/ }).click();
    await page.getByText('This server lets its own machine in without a key.').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('This server lets its own machine in without a key.').waitFor({ state: 'hidden' });
    expect((await client.getGeneration(id)).state).toBe('queued');
    await page.getByRole('textbox', { name: 'Prompt', exact: true }).fill('{{thing}} on a {{colour}} background');
    await page.getByRole('textbox', { name: 'thing' }).fill('a cup');
    await page.keyboard.press('Control+Enter');
    await untilTrue(page, `document.activeElement?.labels?.[0]?.textContent === 'colour'`);
    await client.cancelGeneration(id);
    await client.resumeQueue();
  });

  test('the filter of the gallery is in its address, and there again after a look at another page', async () => {
    const page = await open('/gallery');
    await page.getByRole('textbox', { name: 'Search in prompts' }).fill('boat');
    await page.waitForURL(/text=boat/);
    await page.getByRole('link', { name: 'Queue' }).click();
    await page.getByRole('heading', { name: 'Queue' }).waitFor();
    await page.goBack();
    expect(await page.getByRole('textbox', { name: 'Search in prompts' }).inputValue()).toBe('boat');
    await page.getByRole('checkbox').nth(1).waitFor();
    expect(await page.getByRole('checkbox').count()).toBe(2);
  });

  test('a range is chosen with Shift, and a deletion is undone after a look at another page', async () => {
    const page = await open('/gallery?text=lamp');
    const boxes = page.getByRole('checkbox');
    await boxes.nth(5).waitFor();
    await boxes.nth(1).click();
    await boxes.nth(4).click({ modifiers: ['Shift'] });
    expect(await tick(page)).toBe(4);
    await boxes.nth(2).click();
    expect(await tick(page)).toBe(3);
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('3 pictures deleted.').waitFor();
    await page.getByRole('link', { name: 'Generate' }).click();
    await page.getByRole('textbox', { name: 'Prompt', exact: true }).waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'Undo' }).click();
    await boxes.nth(5).waitFor();
    expect((await client.listPictures({ text: 'lamp' })).items).toHaveLength(6);
  });
});

describe.skipIf(!hasBrowser())('an address of a picture', () => {
  // The browser itself reports every refused request.
  const pages = usePages(/^Failed to load resource/);

  test('that is gone is said so, and the page stays as it is', async () => {
    await using server = await startImagemill({ device: 'fixed:10' });
    const page = await pages.open(`${server.url}/gallery#picture=01a2148a-0000-7000-8000-000000000000`, english);
    await page.getByText('This picture is not there any more.').waitFor();
    expect(new URL(page.url()).hash).toBe('');
  });
});
