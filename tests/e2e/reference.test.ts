import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../../packages/api/src/client/index.ts';
import type { Generation } from '../../packages/api/src/index.ts';
import { seriousViolations } from '../support/axe.ts';
import { hasBrowser, usePages } from '../support/browser.ts';
import { type ImagemillServer, startImagemill } from '../support/imagemill-server.ts';
import { pngWithTexts } from '../support/text-png.ts';

const chinese: BrowserContextOptions = { locale: 'zh-CN', viewport: { width: 1280, height: 860 } };
const english: BrowserContextOptions = { locale: 'en-US', viewport: { width: 1280, height: 860 } };

describe.skipIf(!hasBrowser())('drawing from pictures', () => {
  const pages = usePages();
  let server: ImagemillServer;
  let client: Client;
  const open = (path: string, options: BrowserContextOptions): Promise<Page> => pages.open(server.url + path, options);

  beforeAll(async () => {
    server = await startImagemill();
    client = createClient({ baseUrl: server.url });
    const { id } = await client.submitGeneration({ prompt: 'a rocket on a purple background', seed: 3, steps: 2 });
    for await (const event of client.events(id)) expect(event.type).not.toBe('job.failed');
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  /** Waits for the picture of a prompt on the page and gives what it was drawn with. */
  async function drawn(page: Page, prompt: string): Promise<Generation> {
    await page
      .getByRole('article', { name: prompt })
      .getByRole('button', { name: /^(Open picture|打开第)/ })
      .waitFor();
    const found = (await client.listGenerations()).items.find((one) => one.prompt === prompt);
    if (found === undefined) throw new Error(`there is no generation of ${prompt}`);
    return found;
  }

  test('a picture of the gallery is drawn from, under a mask that is painted by pointer and by keys', async () => {
    const page = await open('/gallery', english);
    await page.getByRole('button', { name: /^Open picture/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Draw from this picture' }).click();
    await page.getByRole('slider', { name: 'Strength' }).fill('1');
    await page.getByRole('button', { name: 'Paint a mask' }).click();
    const editor = page.getByRole('dialog', { name: 'Mask: paint what is drawn anew' });
    await paintLeftHalf(page, editor);
    expect(await seriousViolations(page)).toEqual([]);
    await editor.getByRole('button', { name: 'Use the mask' }).click();
    await page.getByRole('img', { name: 'Mask: what is white is repainted' }).waitFor();
    await page.getByRole('textbox', { name: 'Prompt', exact: true }).fill('a sunflower on a green background');
    await page.keyboard.press('Control+Enter');
    const { image, mask, jobs } = await drawn(page, 'a sunflower on a green background');
    expect(image?.strength).toBe(1);
    const [white, source, picture] = await Promise.all(
      [mask?.assetId, image?.assetId, jobs[0]?.asset?.id].map((id) => pixelsOf(String(id))),
    );
    const changed = [0, 0];
    for (const [at, level] of (white as Buffer).entries()) {
      const side = level >= 128 ? 1 : 0;
      changed[side] = Math.max(changed[side] ?? 0, Math.abs((source?.[at] ?? 0) - (picture?.[at] ?? 0)));
    }
    expect(changed[0]).toBe(0);
    expect(changed[1]).toBeGreaterThan(20);
  });

  /** A stroke by pointer, taken back and done again; a dot by keys at the middle; all turned over twice. */
  async function paintLeftHalf(page: Page, editor: Locator): Promise<void> {
    const canvas = editor.getByRole('application', { name: 'Picture with its mask' });
    await editor.getByRole('slider', { name: 'Size' }).fill('0.4');
    const box = await canvas.boundingBox();
    if (box === null) throw new Error('the canvas is not shown');
    await page.mouse.move(box.x + box.width * 0.25, box.y + box.height * 0.1);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.25, box.y + box.height * 0.9, { steps: 4 });
    await page.mouse.up();
    const share = await paintedShare(page);
    expect(share).toBeGreaterThan(0.3);
    await page.keyboard.press('Control+z');
    expect(await paintedShare(page)).toBe(0);
    await editor.getByRole('button', { name: 'Redo' }).click();
    expect(await paintedShare(page)).toBe(share);
    await editor.getByRole('button', { name: 'Invert' }).click();
    expect((await paintedShare(page)) + share).toBeCloseTo(1, 1);
    await editor.getByRole('button', { name: 'Invert' }).click();
    await canvas.focus();
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Space');
    expect(await paintedShare(page)).toBeGreaterThan(share);
    await editor.getByRole('button', { name: 'Undo' }).click();
    expect(await paintedShare(page)).toBeCloseTo(share, 1);
  }

  async function pixelsOf(id: string): Promise<Buffer> {
    const answer = await fetch(`${server.url}/v1/assets/${id}`);
    return sharp(Buffer.from(await answer.arrayBuffer()))
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer();
  }

  test('a file is chosen as reference, its size is taken over, and it is let go again', async () => {
    const page = await open('/', chinese);
    const buffer = await sharp({ create: { width: 320, height: 192, channels: 3, background: '#204080' } })
      .png()
      .toBuffer();
    await page.getByLabel('选择一张参考图').setInputFiles({ name: 'blue.png', mimeType: 'image/png', buffer });
    await page.getByRole('img', { name: '参考图' }).waitFor();
    expect(await page.getByRole('textbox', { name: '宽' }).inputValue()).toBe('320');
    expect(await page.getByRole('textbox', { name: '高' }).inputValue()).toBe('192');
    expect(await seriousViolations(page)).toEqual([]);
    await page.getByRole('textbox', { name: '提示词', exact: true }).fill('一座城堡');
    await page.reload();
    await page.getByRole('img', { name: '参考图' }).waitFor();
    await page.keyboard.press('Control+Enter');
    expect(await drawn(page, '一座城堡')).toMatchObject({ width: 320, height: 192, image: { strength: 0.6 } });
    await page.getByRole('button', { name: '移除参考图' }).click();
    await page.getByRole('img', { name: '参考图' }).waitFor({ state: 'detached' });
  });

  test.each([
    [
      'AUTOMATIC1111',
      {
        parameters:
          'a red fox\nNegative prompt: blurry\nSteps: 21, Sampler: Euler, CFG scale: 4, Seed: 99, Size: 128x192, Model: sdxl',
      },
      { prompt: 'a red fox', seed: '99', steps: '21', width: '128' },
    ],
    [
      'ComfyUI',
      {
        prompt: JSON.stringify({
          3: {
            class_type: 'KSampler',
            inputs: {
              seed: 77,
              steps: 12,
              cfg: 1,
              sampler_name: 'euler',
              scheduler: 'simple',
              positive: ['6', 0],
              negative: ['7', 0],
              latent_image: ['5', 0],
            },
          },
          5: { class_type: 'EmptyLatentImage', inputs: { width: 192, height: 128, batch_size: 1 } },
          6: { class_type: 'CLIPTextEncode', inputs: { text: 'a blue whale' } },
          7: { class_type: 'CLIPTextEncode', inputs: { text: '' } },
        }),
      },
      { prompt: 'a blue whale', seed: '77', steps: '12', width: '192' },
    ],
    [
      'InvokeAI',
      {
        invokeai_metadata: JSON.stringify({
          positive_prompt: 'a green turtle',
          negative_prompt: '',
          seed: 55,
          steps: 9,
          cfg_scale: 1,
          width: 128,
          height: 128,
        }),
      },
      { prompt: 'a green turtle', seed: '55', steps: '9', width: '128' },
    ],
  ])('a picture of %s that is dropped on the page gives its settings', async (origin, texts, expected) => {
    const page = await open('/gallery', english);
    await page.getByRole('heading', { name: 'Gallery' }).waitFor();
    await dropFile(page, await pngWithTexts(texts), 'other.png');
    await page.getByText(`Settings taken over from other.png (${origin}).`).waitFor();
    const value = (name: string): Promise<string> => page.getByRole('textbox', { name, exact: true }).inputValue();
    expect({
      prompt: await value('Prompt'),
      seed: await value('Seed'),
      steps: await value('Steps'),
      width: await value('Width'),
    }).toEqual(expected);
  });

  test('a picture of this server gives its settings back, and one without settings may be drawn from', async () => {
    const page = await open('/', english);
    const [own] = (await client.listPictures({ text: 'rocket' })).items;
    const bytes = Buffer.from(await (await fetch(server.url + own?.asset.url)).arrayBuffer());
    await page
      .getByLabel('Take settings from a picture file')
      .setInputFiles({ name: 'own.png', mimeType: 'image/png', buffer: bytes });
    await page.getByText('Settings taken over from own.png (Imagemill).').waitFor();
    expect(await page.getByRole('textbox', { name: 'Seed' }).inputValue()).toBe('3');
    await dropFile(page, await pngWithTexts({}), 'plain.png');
    await page.getByText('plain.png does not say how it was made.').waitFor();
    await page.getByRole('button', { name: 'Draw from this picture' }).click();
    await page.getByRole('img', { name: 'Reference picture' }).waitFor();
  });
});

describe.skipIf(!hasBrowser())('pictures that are refused', () => {
  // The browser itself reports every refused request.
  const pages = usePages(/^Failed to load resource/);

  test('a file that is no picture is refused in words, and what was typed stays', async () => {
    await using server = await startImagemill({ device: 'fixed:10' });
    const refused = await pages.open(server.url, english);
    await refused.getByRole('textbox', { name: 'Prompt', exact: true }).fill('a castle');
    const file = { name: 'note.png', mimeType: 'image/png', buffer: Buffer.from('not a picture') };
    await refused.getByLabel('Choose a picture to draw from').setInputFiles(file);
    await refused.getByRole('alert').getByRole('button', { name: 'Dismiss' }).click();
    expect(await refused.getByRole('textbox', { name: 'Prompt', exact: true }).inputValue()).toBe('a castle');
  });
});

/** Share of the canvas that is painted, to a hundredth. */
async function paintedShare(page: Page): Promise<number> {
  return (await page.evaluate(`new Promise((resolve) => requestAnimationFrame(() => {
    const canvas = document.querySelector('dialog canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let painted = 0;
    for (let at = 3; at < data.length; at += 4) if (data[at] >= 128) painted += 1;
    resolve(Math.round((painted / (data.length / 4)) * 100) / 100);
  }))`)) as number;
}

async function dropFile(page: Page, bytes: Buffer, name: string): Promise<void> {
  const transfer = await page.evaluateHandle(`(() => {
    const bytes = Uint8Array.from(atob(${JSON.stringify(bytes.toString('base64'))}), (one) => one.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], ${JSON.stringify(name)}, { type: 'image/png' }));
    return transfer;
  })()`);
  for (const type of ['dragover', 'drop']) await page.dispatchEvent('main', type, { dataTransfer: transfer });
}
