import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { StableDiffusionApi } from 'stable-diffusion-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compose, type Parts } from '../../apps/server/src/main/compose.ts';
import { issueKey } from '../support/access.ts';
import { quietLog } from '../support/quiet-log.ts';
import { openParts, testConfig } from '../support/server-parts.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));
const small = { prompt: 'a red apple on a blue background', width: 128, height: 128, steps: 4, cfg_scale: 1, seed: 3 };

let parts: Parts;
let api: StableDiffusionApi;
let headers: { readonly authorization: string };
/** 200 × 120, green, with a white disc on the left. */
let photo = '';
/** White on the right half. */
let mask = '';
beforeAll(async () => {
  parts = await openParts({ device: 'cpu', model, requireKey: true });
  const baseUrl = await parts.app.listen({ host: '127.0.0.1', port: 0 });
  const key = await issueKey(parts, { role: 'member' });
  headers = key.headers;
  api = new StableDiffusionApi({ baseUrl, timeout: 120_000, defaultStepCount: 4 }).setAuth('anybody', key.text);
  const disc =
    '<svg width="200" height="120"><rect width="200" height="120" fill="#282"/><circle cx="50" cy="60" r="40" fill="#fff"/></svg>';
  photo = (await sharp(Buffer.from(disc)).png().toBuffer()).toString('base64');
  const half =
    '<svg width="200" height="120"><rect width="200" height="120"/><rect x="120" y="20" width="60" height="60" fill="#fff"/></svg>';
  mask = (await sharp(Buffer.from(half)).png().toBuffer()).toString('base64');
});
afterAll(() => parts?.close());

function post(path: string, payload: object) {
  return parts.app.inject({ method: 'POST', url: `/sdapi/v1/${path}`, headers, payload });
}

async function drawn(payload: object): Promise<Buffer> {
  const answer = await post('img2img', { ...small, ...payload });
  expect(answer.statusCode, answer.body.slice(0, 300)).toBe(200);
  return Buffer.from(answer.json<{ images: string[] }>().images[0] ?? '', 'base64');
}

async function pixels(
  picture: Buffer | string,
): Promise<{ at: (x: number, y: number) => number[]; width: number; height: number }> {
  const bytes = typeof picture === 'string' ? Buffer.from(picture, 'base64') : picture;
  const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3)];
  return { at, width: info.width, height: info.height };
}

async function parametersOf(picture: Buffer): Promise<Record<string, string>> {
  const answer = await post('png-info', { image: picture.toString('base64') });
  return answer.json<{ parameters: Record<string, string> }>().parameters;
}

describe('img2img', () => {
  test('draws from a picture with a client of npm, in the strength that was asked for', async () => {
    const init = sharp(Buffer.from(photo, 'base64'));
    const result = await api.img2img({ ...small, init_images: [init], denoising_strength: 0.5, batch_size: 2 });
    expect(result.images.length).toBe(2);
    expect(await result.image.metadata()).toMatchObject({ width: 128, height: 128, format: 'png' });
    const info = JSON.parse(String(result.info));
    expect(info).toMatchObject({ denoising_strength: 0.5, all_seeds: [3, 4], width: 128 });
    expect(info.infotexts[0]).toContain('Denoising strength: 0.5');
    expect(result.parameters).toMatchObject({ init_images: null, mask: null });
  });

  test('takes data URLs, three quarters as strength and the size of the picture where nothing is said', async () => {
    const answer = await post('img2img', {
      ...{ prompt: 'a tree', steps: 4, cfg_scale: 1, include_init_images: true },
      init_images: [`data:image/png;base64,${photo}`],
    });
    const { images, info, parameters } = answer.json<{ images: string[]; info: string; parameters: object }>();
    expect(JSON.parse(info)).toMatchObject({ denoising_strength: 0.75, width: 192, height: 128 });
    expect(await pixels(images[0] ?? '')).toMatchObject({ width: 192, height: 128 });
    expect(parameters).toMatchObject({ init_images: [`data:image/png;base64,${photo}`] });
  });

  test('draws each of several pictures in every iteration, with successive seeds, as one batch', async () => {
    const coloured = (fill: string) =>
      sharp({ create: { width: 128, height: 128, channels: 3, background: fill } })
        .png()
        .toBuffer();
    const [red, blue] = [await coloured('#c00'), await coloured('#00c')];
    const wanted = { ...small, batch_size: 2, n_iter: 2, denoising_strength: 0.3 };
    const result = await api.img2img({ ...wanted, init_images: [sharp(red), sharp(blue)] });
    expect(result.images.length).toBe(4);
    const info = JSON.parse(String(result.info));
    expect(info).toMatchObject({ batch_size: 4, seed: 3, all_seeds: [3, 4, 5, 6] });
    expect(info.infotexts.map((text: string) => /Seed: (\d+)/.exec(text)?.[1])).toEqual(['3', '4', '5', '6']);
    expect(new Set(info.generation_ids).size).toBe(4);
    // Each is what its picture alone gives with its seed.
    for (const [at, image] of [red, blue, red, blue].entries()) {
      const single = { init_images: [image.toString('base64')], denoising_strength: 0.3, seed: 3 + at };
      const alone = await sharp(await drawn(single))
        .raw()
        .toBuffer();
      expect(alone.equals((await result.images[at]?.raw().toBuffer()) ?? Buffer.alloc(0)), `${at}`).toBe(true);
    }
  });

  test('picks successive seeds for several pictures, and puts the masked region back into each', async () => {
    const answer = await post('img2img', {
      ...{ ...small, seed: -1, init_images: [photo, photo], mask, mask_blur: 0, denoising_strength: 1 },
    });
    const { images, info } = answer.json<{ images: string[]; info: string }>();
    const { all_seeds: seeds } = JSON.parse(info) as { all_seeds: number[] };
    expect((seeds[1] ?? 0) - (seeds[0] ?? 0)).toBe(1);
    const [before, first, second] = [await pixels(photo), await pixels(images[0] ?? ''), await pixels(images[1] ?? '')];
    expect(first.at(50, 60)).toEqual(before.at(50, 60));
    expect(second.at(50, 60)).toEqual(before.at(50, 60));
    expect(first.at(150, 50)).not.toEqual(second.at(150, 50));
  });

  test('draws with another precision of the model where its name is that of the checkpoint', async () => {
    const override_settings = { sd_model_checkpoint: 'demo:w8a8' };
    const answer = await post('txt2img', { ...small, steps: 1, override_settings });
    expect(answer.statusCode, answer.body.slice(0, 300)).toBe(200);
    const info = JSON.parse(answer.json<{ info: string }>().info);
    expect(info).toMatchObject({ sd_model_name: 'demo:w8a8', sd_model_hash: expect.stringMatching(/^[0-9a-f]{10}$/) });
    const unknown = await post('txt2img', { ...small, override_settings: { sd_model_checkpoint: 'demo:int3' } });
    expect(unknown.statusCode).toBe(404);
  });

  test('draws none of several pictures when one is refused', async () => {
    const count = async () =>
      (await parts.app.inject({ url: '/v1/generations?limit=100', headers })).json<{ items: object[] }>().items.length;
    const before = await count();
    const broken = await post('img2img', { ...small, init_images: [photo, 'aGVsbG8='] });
    expect([broken.statusCode, broken.json().error]).toEqual([422, 'HTTPException']);
    const many = await post('img2img', { ...small, n_iter: 60, init_images: [photo, photo] });
    expect([many.statusCode, many.json().detail]).toEqual([
      422,
      'init_images: at most 100 pictures are drawn by one request',
    ]);
    expect(await count()).toBe(before);
  });

  test('stays near the picture at a strength of 0, and leaves it at 1', async () => {
    const near = await pixels(await drawn({ init_images: [photo], denoising_strength: 0, resize_mode: 1 }));
    const far = await pixels(await drawn({ init_images: [photo], denoising_strength: 1, resize_mode: 1 }));
    const green = [0x22, 0x88, 0x22];
    const distance = (colour: number[]) => Math.max(...colour.map((value, i) => Math.abs(value - (green[i] ?? 0))));
    // The last step of all is drawn, so a small model moves even what it has hardly any noise on.
    expect(distance(near.at(100, 20))).toBeLessThan(100);
    expect(distance(far.at(100, 20))).toBeGreaterThan(distance(near.at(100, 20)));
  });

  test('repaints the masked region in full size and puts it back into a picture of the old size', async () => {
    const picture = await drawn({
      init_images: [photo],
      mask,
      mask_blur: 0,
      inpainting_fill: 1,
      denoising_strength: 1,
    });
    const [before, after] = [await pixels(photo), await pixels(picture)];
    expect(after).toMatchObject({ width: 200, height: 120 });
    for (const [x, y] of [
      [50, 60],
      [5, 5],
      [119, 50],
      [180, 50],
      [150, 19],
      [150, 80],
    ] as const) {
      expect(after.at(x, y), `${x}, ${y}`).toEqual(before.at(x, y));
    }
    expect(after.at(150, 50)).not.toEqual(before.at(150, 50));
    const inspected = await post('png-info', { image: picture.toString('base64') });
    expect(Object.keys(inspected.json().items).sort()).toEqual(['AIGC', 'XMP', 'imagemill', 'parameters']);
    expect(await parametersOf(picture)).toMatchObject({ Prompt: small.prompt, 'Denoising strength': '1' });
  });

  test('softens the edge by the blur of the mask', async () => {
    const picture = await drawn({
      init_images: [photo],
      mask,
      mask_blur: 8,
      denoising_strength: 1,
      samples_format: 'png',
    });
    const [before, after] = [await pixels(photo), await pixels(picture)];
    expect(after.at(50, 60)).toEqual(before.at(50, 60));
    const share = (x: number) => Math.abs((after.at(x, 50)[0] ?? 0) - (before.at(x, 50)[0] ?? 0));
    expect(share(150)).toBeGreaterThan(0);
    expect(share(100)).toBeLessThanOrEqual(2);
  });

  test('repaints what is black when the mask is inverted, in the whole picture when that is asked for', async () => {
    const picture = await drawn({
      ...{ init_images: [photo], mask, mask_blur: 0, inpainting_mask_invert: 1, denoising_strength: 1 },
      ...{ inpaint_full_res: false, inpainting_fill: 3 },
    });
    const after = await pixels(picture);
    expect(after).toMatchObject({ width: 128, height: 128 });
    const before = await pixels(
      await sharp(Buffer.from(photo, 'base64')).resize(128, 128, { fit: 'fill' }).png().toBuffer(),
    );
    const kept = after.at(96, 53);
    expect(kept.map((value, i) => Math.abs(value - (before.at(96, 53)[i] ?? 0))).every((one) => one <= 2)).toBe(true);
    expect(after.at(10, 10)).not.toEqual(before.at(10, 10));
  });

  test('takes the opaque part of a transparent mask, and a mask that is black for the whole picture left alone', async () => {
    const clear = await sharp({ create: { width: 200, height: 120, channels: 4, background: '#0000' } })
      .composite([
        { input: { create: { width: 40, height: 40, channels: 4, background: '#fff' } }, left: 140, top: 40 },
      ])
      .png()
      .toBuffer();
    const options = { init_images: [photo], mask_blur: 0, denoising_strength: 1, inpainting_fill: 0 };
    const after = await pixels(await drawn({ ...options, mask: clear.toString('base64') }));
    const before = await pixels(photo);
    expect(after.at(10, 60)).toEqual(before.at(10, 60));
    expect(after.at(160, 60)).not.toEqual(before.at(160, 60));
    const black = await sharp({ create: { width: 200, height: 120, channels: 3, background: '#000' } })
      .png()
      .toBuffer();
    const left = await pixels(await drawn({ ...options, mask: black.toString('base64'), resize_mode: 1 }));
    expect(left.at(64, 20)).toEqual([0x22, 0x88, 0x22]);
  });

  test('writes the asked format also for what was put together', async () => {
    const override_settings = { samples_format: 'webp' };
    const picture = await drawn({ init_images: [photo], mask, denoising_strength: 1, override_settings });
    expect((await sharp(picture).metadata()).format).toBe('webp');
    expect(await parametersOf(picture)).toMatchObject({ Prompt: small.prompt });
  });

  test.each<[string, object, number, unknown]>([
    ['no picture', {}, 404, { detail: 'Init image not found', error: 'HTTPException' }],
    ['an empty list', { init_images: [] }, 404, { detail: 'Init image not found' }],
    ['rubbish', { init_images: ['%%%'] }, 422, { detail: 'Invalid encoded image' }],
    ['text in base64', { init_images: ['aGVsbG8='] }, 422, { error: 'HTTPException', body: '' }],
    ['an address', { init_images: ['http://127.0.0.1:1/x.png'] }, 422, { error: 'HTTPException' }],
    [
      'a strength over 1',
      { init_images: ['x'], denoising_strength: 2 },
      422,
      { detail: [{ loc: ['body', 'denoising_strength'] }] },
    ],
    ['an unknown mode', { init_images: ['x'], resize_mode: 9 }, 422, { detail: [{ loc: ['body', 'resize_mode'] }] }],
    ['an unknown sampler', { init_images: ['x'], sampler_name: 'Eulr' }, 404, { detail: 'Sampler not found' }],
  ])('refuses %s in the shapes of A1111', async (_, payload, status, body) => {
    const answer = await post('img2img', { ...small, ...payload });
    expect([answer.statusCode, answer.json()]).toMatchObject([status, body]);
  });

  test('tolerates scripts without arguments and fields that it does not know', async () => {
    const tolerated = {
      alwayson_scripts: {
        ControlNet: { args: [] },
        controlnet: { args: [{ enabled: false, module: 'none' }, null] },
        ADetailer: { args: [false, false, { ad_model: 'face_yolov8n.pt' }] },
      },
      image_cfg_scale: 1.5,
      initial_noise_multiplier: 1,
    };
    expect((await drawn({ init_images: [photo], ...tolerated })).length).toBeGreaterThan(100);
    const script = await post('img2img', {
      ...small,
      init_images: [photo],
      alwayson_scripts: { ADetailer: { args: [true] } },
    });
    expect([script.statusCode, script.json().detail]).toEqual([422, 'always on script ADetailer not found']);
    const unit = { controlnet: { args: [{ enabled: false }, { enabled: true }] } };
    expect((await post('img2img', { ...small, init_images: [photo], alwayson_scripts: unit })).statusCode).toBe(422);
  });
});

describe('extras', () => {
  test('enlarge a picture with a client of npm, and keep what its file says', async () => {
    const first = (await post('txt2img', { ...small, steps: 2 })).json<{ images: string[] }>().images[0] ?? '';
    const image = sharp(Buffer.from(first, 'base64')).keepMetadata();
    const result = await api.extraSingle({ image, upscaler_1: 'Lanczos', upscaling_resize: 2 });
    expect(await result.image.metadata()).toMatchObject({ width: 256, height: 256, format: 'png' });
    const raw = (
      await post('extra-single-image', { image: first, upscaler_1: 'Lanczos', upscaling_resize: 1.5 })
    ).json<{
      image: string;
      html_info: string;
    }>();
    const enlarged = Buffer.from(raw.image, 'base64');
    expect(await sharp(enlarged).metadata()).toMatchObject({ width: 192, height: 192 });
    expect(await parametersOf(enlarged)).toMatchObject({ Prompt: small.prompt, Seed: '3' });
  });

  test('fit a batch into a size, cropped or not, also with the other spelling of the list', async () => {
    const to = { resize_mode: 1, upscaling_resize_w: 300, upscaling_resize_h: 300, upscaler_1: 'Nearest' };
    const imageList = [{ data: photo, name: 'a.png' }];
    const cropped = (await post('extra-batch-images', { ...to, imageList })).json<{ images: string[] }>();
    const whole = (await post('extra-batch-images', { ...to, upscaling_crop: false, imageList })).json<{
      images: string[];
    }>();
    const sizes = await Promise.all([cropped, whole].map(async ({ images }) => pixels(images[0] ?? '')));
    expect(sizes.map(({ width, height }) => [width, height])).toEqual([
      [300, 300],
      [500, 300],
    ]);
    const image = sharp(Buffer.from(photo, 'base64'));
    const client = await api.extraBatch({ image, images: [image], name_list: ['a'], upscaler_1: 'None' });
    expect(await client.image.metadata()).toMatchObject({ width: 200, height: 120 });
  });

  test('say honestly what there is, and refuse what there is not', async () => {
    expect((await api.getUpscalers()).map(({ name }) => name)).toEqual(['None', 'Lanczos', 'Nearest']);
    const unknown = await post('extra-single-image', { image: photo, upscaler_1: 'R-ESRGAN 4x+' });
    expect([unknown.statusCode, unknown.json().detail]).toEqual([404, 'Upscaler not found: R-ESRGAN 4x+']);
    const huge = await sharp({ create: { width: 4000, height: 4000, channels: 3, background: '#000' } })
      .png()
      .toBuffer();
    const payload = { image: huge.toString('base64'), upscaler_1: 'Lanczos', upscaling_resize: 8 };
    expect((await post('extra-single-image', payload)).statusCode).toBe(422);
  });
});

describe('options and internals', () => {
  test('options of a key hold after a new start, and for what it draws', async () => {
    const config = await testConfig({ requireKey: true });
    const first = await compose(config, { version: '1', log: quietLog });
    const [mine, other] = [await issueKey(first, {}), await issueKey(first, {})];
    const change = { samples_format: 'jpg', jpeg_quality: 60, live_previews_enable: false, some_extension_option: 'x' };
    const set = { method: 'POST' as const, url: '/sdapi/v1/options', headers: mine.headers };
    expect((await first.app.inject({ ...set, payload: change })).body).toBe('null');
    await first.close();
    const second = await compose(config, { version: '1', log: quietLog });
    const get = async (by: typeof mine) =>
      (await second.app.inject({ url: '/sdapi/v1/options', headers: by.headers })).json();
    expect(await get(mine)).toMatchObject(change);
    expect(await get(other)).toMatchObject({ samples_format: 'png' });
    const draw = (payload: object) =>
      second.app.inject({
        method: 'POST',
        url: '/sdapi/v1/txt2img',
        headers: mine.headers,
        payload: { ...small, ...payload },
      });
    const formatOf = async (payload: object) =>
      (
        await sharp(
          Buffer.from((await draw(payload)).json<{ images: string[] }>().images[0] ?? '', 'base64'),
        ).metadata()
      ).format;
    expect(await formatOf({})).toBe('jpeg');
    expect(await formatOf({ override_settings: { samples_format: 'webp' } })).toBe('webp');
    expect(await formatOf({})).toBe('jpeg');
    const kept = { override_settings: { samples_format: 'png' }, override_settings_restore_afterwards: false };
    expect(await formatOf(kept)).toBe('png');
    expect(await formatOf({})).toBe('png');
    const large = await second.app.inject({ ...set, payload: { note: 'x'.repeat(30_000) } });
    expect(large.statusCode).toBe(422);
    await second.close();
    await rm(join(config.dataDir, '..'), { recursive: true });
  });

  test('answers a ping to everybody, and says what the system is without its paths', async () => {
    expect((await parts.app.inject({ url: '/internal/ping' })).json()).toEqual({});
    const sysinfo = await parts.app.inject({ url: '/internal/sysinfo', headers });
    expect(sysinfo.json()).toMatchObject({ Version: 'Imagemill 1.2.3' });
    expect(sysinfo.body).not.toContain(process.cwd());
    expect((await parts.app.inject({ url: '/internal/sysinfo' })).statusCode).toBe(401);
  });
});
