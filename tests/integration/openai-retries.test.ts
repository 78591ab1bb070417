import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import OpenAI, { toFile } from 'openai';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import type { Generation } from '../../packages/api/src/index.ts';
import { issueKey } from '../support/access.ts';
import { writeLora } from '../support/demo-lora.ts';
import { openParts } from '../support/server-parts.ts';
import { ServerFolder } from '../support/server-process.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));
const small = { size: '64x64', num_inference_steps: 2 } as object;

let parts: Parts;
let loras = '';
let apiKey = '';
let url = '';
let client: OpenAI;
beforeAll(async () => {
  loras = await mkdtemp(join(tmpdir(), 'imagemill-loras-'));
  await writeLora(loras, 'strong', { model, seed: 1 });
  parts = await openParts({ device: 'cpu', model, lorasDirs: [loras] });
  url = await parts.app.listen({ port: 0, host: '127.0.0.1' });
  apiKey = (await issueKey(parts, { role: 'member' })).text;
  client = new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await parts.close();
  await rm(loras, { recursive: true });
});

async function generationsAt(address: string, prompt: string): Promise<Generation[]> {
  const page = (await (await fetch(`${address}/v1/generations?limit=100`)).json()) as { items: Generation[] };
  return page.items.filter((generation) => generation.prompt === prompt);
}

describe('a request with an idempotency key', () => {
  const headers = { 'Idempotency-Key': 'order-1' };

  test('is drawn once however often it is sent, and answered alike', async () => {
    const body = { prompt: 'once', ...small };
    const first = await client.images.generate(body, { headers });
    const { data: again, response } = await client.images.generate(body, { headers }).withResponse();
    expect(again.data?.[0]?.b64_json).toBe(first.data?.[0]?.b64_json);
    expect(response.headers.get('idempotency-replayed')).toBe('true');
    expect(await generationsAt(url, 'once')).toHaveLength(1);
  });

  test('is refused with another body, and not tried again', async () => {
    const error = await client.images.generate({ prompt: 'twice', ...small }, { headers }).catch((reason) => reason);
    expect(error).toBeInstanceOf(OpenAI.ConflictError);
    expect(error).toMatchObject({ code: 'idempotency_key_reused' });
    expect(error.headers.get('x-should-retry')).toBe('false');
  });

  test('is refused with a key that is none', async () => {
    const own = { 'Idempotency-Key': 'with space' };
    const error = await client.images.generate({ prompt: 'x', ...small }, { headers: own }).catch((reason) => reason);
    expect(error).toMatchObject({ status: 400, param: 'idempotency-key' });
  });
});

describe('an extra of ours', () => {
  const draw = async (own: object): Promise<string | undefined> => {
    const answer = await client.images.generate({ prompt: 'a cup', seed: 3, ...small, ...own } as never);
    return (answer as OpenAI.ImagesResponse).data?.[0]?.b64_json;
  };

  test('puts a LoRA on, by its name or with a strength', async () => {
    const [plain, named, weak, none] = await Promise.all([
      draw({}),
      draw({ lora: ['strong'] }),
      draw({ lora: [{ name: 'strong', scale: 0.5 }] }),
      draw({ lora: { name: 'strong', strength: 0 } }),
    ]);
    const pixels = async (b64 = ''): Promise<string> =>
      (await sharp(Buffer.from(b64, 'base64')).raw().toBuffer()).toString('base64');
    const drawn = await Promise.all([plain, named, weak].map(pixels));
    expect(new Set(drawn).size).toBe(3);
    expect(await pixels(none)).toBe(drawn[0]);
  });

  test('names a LoRA that is not there', async () => {
    const error = await draw({ lora: ['unknown'] }).catch((reason) => reason);
    expect(error).toMatchObject({ status: 400, param: 'lora.0.name', code: 'unknown_lora' });
  });
});

describe('an edit', () => {
  const blue = () =>
    sharp({ create: { width: 64, height: 64, channels: 3, background: '#3050c0' } })
      .png()
      .toBuffer();

  test('of several pictures is refused in words, because the model edits one', async () => {
    const image = [await toFile(await blue(), 'a.png'), await toFile(await blue(), 'b.png')];
    const error = await client.images.edit({ image, prompt: 'both' }).catch((reason) => reason);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ param: 'image', code: 'too_many_pictures' });
    expect(error.message).toMatch(/draws from one/);
  });

  test('as JSON names a file that was uploaded', async () => {
    const { id } = await client.files.create({ file: await toFile(await blue(), 'a.png'), purpose: 'vision' });
    const body = { prompt: 'from a file', images: [{ file_id: id }], strength: 0.5, num_inference_steps: 2 };
    const answer = await client.post<OpenAI.ImagesResponse>('/images/edits', { body });
    expect(answer.data?.[0]?.b64_json).toMatch(/./);
    expect(await generationsAt(url, 'from a file')).toMatchObject([{ image: { strength: 0.5 }, width: 64 }]);
  });
});

test('a client whose server was killed joins its request at the next one', async () => {
  const folder = await ServerFolder.create();
  try {
    const settings = { model, device: 'fixed:1500' } as const;
    let server = await folder.start(settings);
    let attempts = 0;
    const own = new OpenAI({
      ...{ apiKey: 'none', baseURL: 'http://localhost/v1', maxRetries: 3 },
      async fetch(target, init) {
        attempts += 1;
        const address = String(target).replace('http://localhost', server.url);
        const answer = fetch(address, init);
        if (attempts > 1) return answer;
        answer.catch(() => undefined);
        while ((await generationsAt(server.url, 'through a crash')).length === 0) await new Promise(setImmediate);
        await server.stop('SIGKILL');
        server = await folder.start(settings);
        return answer;
      },
    });
    const answer = await own.images.generate({ prompt: 'through a crash' });
    expect(answer.data).toHaveLength(1);
    expect(attempts).toBe(2);
    expect(await generationsAt(server.url, 'through a crash')).toMatchObject([{ state: 'succeeded' }]);
    await server.stop('SIGTERM');
  } finally {
    await folder.remove();
  }
});
