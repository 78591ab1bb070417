import { fileURLToPath } from 'node:url';
import OpenAI, { toFile } from 'openai';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import type { Generation } from '../../packages/api/src/index.ts';
import { issueKey } from '../support/access.ts';
import { openParts, untilReady } from '../support/server-parts.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));
const prompt = 'a red apple on a blue background';

let parts: Parts;
let url = '';
let apiKey = '';
let client: OpenAI;
beforeAll(async () => {
  parts = await openParts({ device: 'cpu', model });
  url = await parts.app.listen({ port: 0, host: '127.0.0.1' });
  apiKey = (await issueKey(parts, { role: 'member' })).text;
  client = new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 });
});
afterAll(() => parts.close());

const bytesOf = (base64: string | undefined): Buffer => Buffer.from(base64 ?? '', 'base64');
const pixelsOf = (picture: Buffer): Promise<Buffer> => sharp(picture).removeAlpha().raw().toBuffer();

/** The generations of a prompt, newest first. */
async function generationsOf(wanted: string): Promise<Generation[]> {
  const page = (await parts.app.inject({ url: '/v1/generations?limit=100' })).json<{ items: Generation[] }>();
  return page.items.filter((generation) => generation.prompt === wanted);
}

/** The fields of ours that OpenAI's types do not have. */
const extras = (fields: Record<string, unknown>): object => fields;

describe('the openai package draws', () => {
  test('a picture as base64, with the facts and the usage of its answer', async () => {
    const answer = await client.images.generate({ model: 'gpt-image-1', prompt, size: '256x256', quality: 'low' });
    const [picture] = answer.data ?? [];
    expect(await sharp(bytesOf(picture?.b64_json)).metadata()).toMatchObject({
      format: 'png',
      width: 256,
      height: 256,
    });
    expect(answer).toMatchObject({ background: 'opaque', output_format: 'png', size: '256x256', quality: 'low' });
    expect(answer.usage).toMatchObject({ input_tokens: 8, output_tokens: 64, total_tokens: 72 });
    expect(await generationsOf(prompt)).toMatchObject([{ steps: 4, priority: 'interactive' }]);
  });

  test('several pictures by address, as JPEG, of a free size that is rounded to the grain', async () => {
    const wanted = { model: 'dall-e-3', prompt, n: 2, size: '130x190', output_format: 'jpeg', user: 'me' } as object;
    const answer = await client.images.generate(wanted as OpenAI.ImageGenerateParamsNonStreaming);
    expect(answer.data).toHaveLength(2);
    for (const { url: address = '' } of answer.data ?? []) {
      const response = await fetch(address, { headers: { authorization: `Bearer ${apiKey}` } });
      const picture = Buffer.from(await response.arrayBuffer());
      expect(await sharp(picture).metadata()).toMatchObject({ format: 'jpeg', width: 128, height: 192 });
    }
  });

  test('the same picture for the same seed, with the fields of ours', async () => {
    const own = extras({
      seed: 5,
      num_inference_steps: 2,
      negative_prompt: 'blur',
      guidance_scale: 1,
      width: 64,
      height: 64,
    });
    const draw = async (): Promise<Buffer> => {
      const answer = await client.images.generate({ prompt: 'with extras', ...own });
      return pixelsOf(bytesOf(answer.data?.[0]?.b64_json));
    };
    expect((await draw()).equals(await draw())).toBe(true);
    const settings = { seed: 5, steps: 2, negativePrompt: 'blur', guidanceScale: 1, width: 64 };
    expect(await generationsOf('with extras')).toMatchObject([settings, settings]);
  });

  test('in another precision of the model, by its name', async () => {
    const own = extras({ num_inference_steps: 1 });
    const model = 'demo:w8a8';
    const answer = await client.images.generate({ model, prompt: 'a precision', size: '64x64' as 'auto', ...own });
    expect(answer.data).toHaveLength(1);
    expect(await generationsOf('a precision')).toMatchObject([{ model }]);
    expect(await client.models.retrieve(model)).toMatchObject({ id: model });
    const unknown = client.images.generate({ model: 'demo:int3', prompt });
    await expect(unknown).rejects.toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
  });

  test('a preview on the way and the finished picture as a stream', async () => {
    const stream = await client.images.generate({ prompt, size: 'auto', stream: true, partial_images: 1 });
    const events = [];
    for await (const event of stream) events.push(event);
    expect(events.map(({ type }) => type)).toEqual(['image_generation.partial_image', 'image_generation.completed']);
    for (const { b64_json } of events) expect((await sharp(bytesOf(b64_json)).metadata()).width).toBeGreaterThan(0);
    expect(events[1]).toMatchObject({ size: '256x256', usage: { output_tokens: 64 } });
  });
});

describe('the openai package edits', () => {
  let image: Buffer;
  beforeAll(async () => {
    const disc =
      '<svg width="192" height="128"><rect width="192" height="128" fill="#3050c0"/><circle cx="64" cy="64" r="40" fill="#d02020"/></svg>';
    image = await sharp(Buffer.from(disc)).png().toBuffer();
  });

  test('what is transparent in the mask, and nothing else', async () => {
    const hole =
      '<svg width="192" height="128"><path fill-rule="evenodd" d="M0 0H192V128H0Z M24 24H104V104H24Z"/></svg>';
    const mask = await sharp(Buffer.from(hole)).png().toBuffer();
    const answer = await client.images.edit({
      image: await toFile(image, 'image.png', { type: 'image/png' }),
      mask: await toFile(mask, 'mask.png', { type: 'image/png' }),
      prompt: 'a green leaf',
    });
    const [drawn, source] = await Promise.all([pixelsOf(bytesOf(answer.data?.[0]?.b64_json)), pixelsOf(image)]);
    const changed = [...drawn.keys()].filter((at) => drawn[at] !== source[at]).map((at) => Math.floor(at / 3));
    expect(changed.length).toBeGreaterThan(1_000);
    for (const pixel of changed) {
      const [x, y] = [pixel % 192, Math.floor(pixel / 192)];
      expect(x >= 24 && x < 104 && y >= 24 && y < 104).toBe(true);
    }
  });

  test('a whole picture by a strength of ours, streamed', async () => {
    const file = await toFile(image, 'image.png', { type: 'image/png' });
    const own = extras({ strength: 0.3 });
    const stream = await client.images.edit({ image: [file], prompt: 'a whole edit', stream: true, ...own });
    const types = [];
    for await (const { type } of stream) types.push(type);
    expect(types).toEqual(['image_edit.completed']);
    expect(await generationsOf('a whole edit')).toMatchObject([{ width: 192, height: 128, image: { strength: 0.3 } }]);
  });

  test('a single picture that comes as a list', async () => {
    const form = new FormData();
    form.append('image[]', new Blob([new Uint8Array(image)], { type: 'image/png' }), 'image.png');
    form.append('prompt', 'one in a list');
    const headers = { authorization: `Bearer ${apiKey}` };
    const answer = await fetch(`${url}/v1/images/edits`, { method: 'POST', body: form, headers });
    const { data } = (await answer.json()) as OpenAI.ImagesResponse;
    expect([answer.status, data?.length]).toEqual([200, 1]);
  });

  test('with adapters that its form spreads over several fields', async () => {
    const file = await toFile(image, 'image.png', { type: 'image/png' });
    const lora = ['ink', { name: 'chalk', strength: 0.5 }, { name: 'oil', scale: 0.25 }];
    const edit = client.images.edit({ image: file, prompt, ...extras({ lora }) });
    const error = await edit.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ status: 400, code: 'unknown_lora', param: 'lora.0.name' });
    for (const name of ['ink', 'chalk', 'oil']) expect((error as Error).message).toContain(`no LoRA "${name}"`);
    const wrong = client.images.edit({ image: file, prompt, ...extras({ lora: [{ name: 'x', strength: 'much' }] }) });
    await expect(wrong).rejects.toMatchObject({ status: 400, param: expect.stringMatching(/^lora/) });
  });

  test('no more than one picture, and says so', async () => {
    const file = (name: string) => toFile(image, name, { type: 'image/png' });
    const told = { status: 400, type: 'invalid_request_error', code: 'too_many_pictures' };
    for (const count of [2, 16]) {
      const files = await Promise.all(Array.from({ length: count }, (_, at) => file(`${at}.png`)));
      const error = await client.images.edit({ image: files, prompt: 'several' }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(OpenAI.BadRequestError);
      expect(error).toMatchObject({ ...told, param: 'image' });
      expect((error as Error).message).toBe(
        `400 ${count} pictures were sent in image; the model draws from one. Send one picture, or one request for each.`,
      );
    }
    const image_url = `data:image/png;base64,${image.toString('base64')}`;
    const body = { prompt: 'several', images: [{ image_url }, { image_url }] };
    await expect(client.post('/images/edits', { body })).rejects.toMatchObject({ ...told, param: 'images' });
    expect(await generationsOf('several')).toEqual([]);
  });

  test('no file that is not a picture', async () => {
    const file = await toFile(Buffer.from('<?php'), 'image.png', { type: 'image/png' });
    const edit = client.images.edit({ image: file, prompt });
    await expect(edit).rejects.toMatchObject({ status: 400, code: 'picture_rejected' });
  });
});

describe('the openai package is told', () => {
  test('the models, and that its own names stand for the default', async () => {
    const names = (await client.models.list()).data.map(({ id }) => id);
    expect(names).toEqual(expect.arrayContaining(['demo', 'gpt-image-1', 'dall-e-3']));
    expect(await client.models.retrieve('gpt-image-1')).toMatchObject({ id: 'gpt-image-1', object: 'model' });
  });

  test.each<[string, object, object]>([
    ['an unknown model', { prompt, model: 'flux' }, { status: 404, code: 'model_not_found', param: 'model' }],
    ['an empty prompt', { prompt: '' }, { status: 400, param: 'prompt', type: 'invalid_request_error' }],
    ['too many pictures', { prompt, n: 11 }, { status: 400, param: 'n', code: 'too_big' }],
    ['a size that is none', { prompt, size: 'large' }, { status: 400, param: 'size' }],
    ['a size that is too large', { prompt, size: '8192x8192' }, { status: 400, param: 'size' }],
    ['a transparent background', { prompt, background: 'transparent' }, { status: 400, param: 'background' }],
  ])('of %s', async (_what, body, expected) => {
    const drawing = client.images.generate(body as OpenAI.ImageGenerateParamsNonStreaming);
    const error = await drawing.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject(expected);
    expect((error as InstanceType<typeof OpenAI.APIError>).requestID).toMatch(/./);
  });

  test('of a route of OpenAI that is not here, in its own shape', async () => {
    const error = await client.chat.completions.create({ model: 'gpt-4o', messages: [] }).catch((why: unknown) => why);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ code: 'route_not_found', type: 'invalid_request_error' });
    expect((error as InstanceType<typeof OpenAI.APIError>).headers?.get('x-should-retry')).toBe('false');
    const image = await toFile(Buffer.from('x'), 'x.png');
    const variation = client.images.createVariation({ image });
    await expect(variation).rejects.toThrow('404 There is no route /v1/images/variations.');
    await expect(client.put('/files', {})).rejects.toMatchObject({ status: 405, code: 'method_not_allowed' });
  });

  test('that its key is unknown', async () => {
    const stranger = new OpenAI({ apiKey: 'sk-unknown', baseURL: `${url}/v1`, maxRetries: 0 });
    const error = await stranger.images.generate({ prompt }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(error).toMatchObject({ code: 'invalid_api_key' });
    await expect(stranger.models.list()).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
  });
});

test('the openai package needs no key where the server needs none, and says so with the word none', async () => {
  const local = new OpenAI({ apiKey: 'none', baseURL: `${url}/v1`, maxRetries: 0 });
  expect((await local.models.list()).data.length).toBeGreaterThan(0);
  const closed = await openParts({ requireKey: true });
  try {
    const address = await closed.app.listen({ port: 0, host: '127.0.0.1' });
    const stranger = new OpenAI({ apiKey: 'none', baseURL: `${address}/v1`, maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
  } finally {
    await closed.close();
  }
});

describe('a client that goes away', () => {
  test('joins its running request when it comes back', async () => {
    let attempts = 0;
    const flaky = new OpenAI({
      apiKey,
      baseURL: `${url}/v1`,
      maxRetries: 2,
      fetch: async (target, init) => {
        attempts += 1;
        if (attempts > 1) return fetch(target, init);
        const cut = new AbortController();
        const lost = fetch(target, { ...init, signal: cut.signal });
        while ((await generationsOf('a retry')).length === 0) await new Promise(setImmediate);
        cut.abort();
        return lost;
      },
    });
    const answer = await flaky.images.generate({ prompt: 'a retry' });
    expect(bytesOf(answer.data?.[0]?.b64_json).length).toBeGreaterThan(1_000);
    expect(attempts).toBe(2);
    expect(await generationsOf('a retry')).toMatchObject([{ state: 'succeeded' }]);
  });

  test('and does not come back has its request cancelled', async () => {
    const slow = await openParts({ device: 'fixed:4000', model, disconnectGraceMs: 0 });
    try {
      await untilReady(slow);
      const address = await slow.app.listen({ port: 0, host: '127.0.0.1' });
      const gone = new AbortController();
      const body = JSON.stringify({ prompt });
      const headers = { 'content-type': 'application/json' };
      const request = fetch(`${address}/v1/images/generations`, { method: 'POST', body, headers, signal: gone.signal });
      const list = async () =>
        (await slow.app.inject({ url: '/v1/generations' })).json<{ items: Generation[] }>().items;
      while ((await list()).length === 0) await new Promise(setImmediate);
      gone.abort();
      await expect(request).rejects.toThrow('abort');
      const [generation] = await list();
      await slow.app.inject({ url: `/v1/generations/${generation?.id}/events` });
      expect(await list()).toMatchObject([{ state: 'cancelled' }]);
    } finally {
      await slow.close();
    }
  });
});
