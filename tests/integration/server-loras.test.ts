import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LoraFolders } from '../../apps/server/src/adapters/loras/lora-folders.ts';
import { tenantId } from '../../apps/server/src/domain/ids.ts';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import type { Generation, GenerationRequestInput, Lora } from '../../packages/api/src/index.ts';
import { writeLora } from '../support/demo-lora.ts';
import { quietLog } from '../support/quiet-log.ts';
import { openParts } from '../support/server-parts.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));

let folder = '';
let shared = '';
let parts: Parts;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-loras-'));
  shared = join(folder, 'shared');
  await mkdir(shared);
  await writeLora(shared, 'first', {
    model,
    seed: 1,
    metadata: { 'modelspec.trigger_phrase': 'flat style, poster', 'modelspec.description': 'Flat colours.' },
  });
  await writeLora(shared, 'second', { model, seed: 100 });
  parts = await openParts({ device: 'cpu', model, lorasDirs: [shared] });
});
afterAll(async () => {
  await parts?.close();
  await rm(folder, { recursive: true });
});

const request: GenerationRequestInput = { prompt: 'a red apple on a blue background', seed: 7, steps: 2 };

async function submit(input: GenerationRequestInput): Promise<Generation> {
  const answer = await parts.app.inject({ method: 'POST', url: '/v1/generations', payload: { ...request, ...input } });
  expect(answer.statusCode, answer.body).toBe(202);
  return answer.json();
}

/** The generation when it has ended. */
async function ended(id: string): Promise<Generation> {
  const events = await parts.app.inject({ url: `/v1/generations/${id}/events` });
  expect(events.body).toContain('event: generation.finished');
  return (await parts.app.inject({ url: `/v1/generations/${id}` })).json();
}

async function draw(input: Partial<GenerationRequestInput>): Promise<Buffer> {
  const { jobs } = await ended((await submit({ ...request, ...input })).id);
  const answer = await parts.app.inject({ url: jobs[0]?.asset?.url ?? '' });
  return sharp(answer.rawPayload).raw().toBuffer();
}

/** Greatest difference of two pictures, in levels of a channel. */
function distance(a: Buffer, b: Buffer): number {
  expect(a.length).toBe(b.length);
  return a.reduce((worst, value, at) => Math.max(worst, Math.abs(value - (b[at] ?? 0))), 0);
}

async function list(): Promise<Lora[]> {
  return (await parts.app.inject({ url: '/v1/loras' })).json().items;
}

function upload(fileName: string, bytes: Uint8Array, field = 'file') {
  const boundary = 'x-boundary-x';
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="${field}"; filename="${fileName}"\r\ncontent-type: application/octet-stream\r\n\r\n`;
  const payload = Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
  return parts.app.inject({ method: 'POST', url: '/v1/loras', headers, payload });
}

describe('drawing with adapters', () => {
  test('an adapter changes the picture by its strength, and strength 0 changes nothing', async () => {
    const plain = await draw({});
    const [none, half, whole] = await Promise.all(
      [0, 0.5, 1].map((strength) => draw({ loras: [{ name: 'first', strength }] })),
    );
    expect(distance(none!, plain)).toBeLessThanOrEqual(1);
    expect(distance(half!, plain)).toBeGreaterThan(8);
    expect(distance(whole!, half!)).toBeGreaterThan(8);
  });

  test('two adapters add up, whatever their order', async () => {
    const both = [{ name: 'first', strength: 0.5 }, { name: 'second' }];
    const [there, back, alone] = await Promise.all([
      draw({ loras: both }),
      draw({ loras: both.toReversed() }),
      draw({ loras: [{ name: 'second' }] }),
    ]);
    expect(distance(there!, back!)).toBeLessThanOrEqual(1);
    expect(distance(there!, alone!)).toBeGreaterThan(8);
  });

  test('a generation says which files it draws with', async () => {
    const { loras } = await submit({ ...request, loras: [{ name: 'first', strength: -0.5 }] });
    const first = (await list()).find(({ name }) => name === 'first');
    expect(loras).toEqual([{ name: 'first', strength: -0.5, sha256: first?.sha256 }]);
  });

  test('an adapter that is not there is refused with the names of those that are', async () => {
    const payload = { ...request, loras: [{ name: 'frist' }] };
    const answer = await parts.app.inject({ method: 'POST', url: '/v1/generations', payload });
    expect(answer.statusCode).toBe(422);
    const [error] = answer.json().errors;
    expect(error).toMatchObject({ field: 'loras.0.name', code: 'unknown_lora', got: 'frist' });
    expect(error.expected).toContain('first, second');
  });

  test.each([
    [[{ name: 'first', strength: 4.5 }], 'loras.0.strength'],
    [[{ name: 'first', weight: 1 }], 'loras.0.weight'],
    [Array.from({ length: 9 }, () => ({ name: 'first' })), 'loras'],
  ])('%j is refused at %s', async (loras, field) => {
    const answer = await parts.app.inject({ method: 'POST', url: '/v1/generations', payload: { ...request, loras } });
    expect(answer.statusCode).toBe(422);
    expect(answer.json().errors[0].field).toBe(field);
  });

  test('a job whose adapter was replaced after it was accepted ends with what has happened', async () => {
    const file = await writeLora(shared, 'passing', { model, seed: 5 });
    await untilListed('passing');
    await parts.app.inject({ method: 'POST', url: '/v1/queue/pause' });
    const { id } = await submit({ ...request, loras: [{ name: 'passing' }] });
    await rm(file);
    await until(async () => !(await list()).some(({ name }) => name === 'passing'));
    await parts.app.inject({ method: 'POST', url: '/v1/queue/resume' });
    const { jobs } = await ended(id);
    expect(jobs[0]).toMatchObject({ state: 'failed', error: { code: 'lora_gone', details: { lora: 'passing' } } });
  });
});

describe('the library', () => {
  test('tells what it knows of an adapter', async () => {
    expect((await list()).find(({ name }) => name === 'first')).toMatchObject({
      state: 'usable',
      origin: 'installation',
      rank: 2,
      models: ['demo'],
      description: 'Flat colours.',
      triggerWords: ['flat style', 'poster'],
      warnings: [],
    });
  });

  test('finds a file that is dropped into its folder, and says what is wrong with one that cannot be used', async () => {
    const whole = await readFile(join(shared, 'second.safetensors'));
    await writeFile(join(shared, 'copying.safetensors'), whole.subarray(0, whole.length / 2));
    await untilListed('copying');
    expect((await list()).find(({ name }) => name === 'copying')).toMatchObject({ state: 'unusable', models: [] });
    await writeFile(join(shared, 'copying.safetensors'), whole);
    await until(async () => (await list()).some(({ name, state }) => name === 'copying' && state === 'usable'));
    await rm(join(shared, 'copying.safetensors'));
    await until(async () => !(await list()).some(({ name }) => name === 'copying'));
  });

  test('takes an upload that can be drawn with at once, and lets it be deleted', async () => {
    const bytes = await readFile(await writeLora(folder, 'own', { model, seed: 9 }));
    const answer = await upload('own.safetensors', bytes);
    expect(answer.statusCode, answer.body).toBe(201);
    expect(answer.json()).toMatchObject({ name: 'own', origin: 'upload', state: 'usable', sizeBytes: bytes.length });
    expect(distance(await draw({ loras: [{ name: 'own' }] }), await draw({}))).toBeGreaterThan(8);
    expect((await upload('own.safetensors', bytes)).statusCode).toBe(201);
    const other = await readFile(join(shared, 'first.safetensors'));
    expect((await upload('own.safetensors', other)).json()).toMatchObject({ code: 'lora_exists', status: 409 });
    expect((await parts.app.inject({ method: 'DELETE', url: '/v1/loras/own' })).statusCode).toBe(204);
    expect((await parts.app.inject({ url: '/v1/loras/own' })).json()).toMatchObject({ code: 'lora_not_found' });
    expect((await parts.app.inject({ method: 'DELETE', url: '/v1/loras/first' })).json()).toMatchObject({
      code: 'lora_protected',
    });
  });

  test('refuses what is no adapter and names the keys that it does not know', async () => {
    expect((await upload('text.safetensors', Buffer.from('hello'))).json()).toMatchObject({ code: 'lora_rejected' });
    const extra = { 'text_model.encoder.q.weight': { type: 'f32', shape: [1], data: Float32Array.of(1) } } as const;
    const strange = await readFile(await writeLora(folder, 'strange', { model, seed: 3, extra }));
    const answer = await upload('strange.safetensors', strange);
    expect(answer.statusCode).toBe(422);
    expect(answer.json().detail).toContain('text_model.encoder.q.weight');
    expect((await list()).map(({ name }) => name)).not.toContain('strange');
  });

  test.each(['../evil.safetensors', '..', '.hidden.safetensors', 'con.safetensors', 'a\u0007b.safetensors', ''])(
    'keeps the name %j inside its folder or refuses it',
    async (name) => {
      const answer = await upload(name, await readFile(join(shared, 'first.safetensors')));
      if (answer.statusCode === 201) {
        expect(answer.json().name).toMatch(/^\w+$/);
        await parts.app.inject({ method: 'DELETE', url: `/v1/loras/${answer.json().name}` });
      } else expect(answer.json()).toMatchObject({ status: 422, code: 'validation_failed' });
    },
  );

  test('asks for a file where there is none, and for multipart where there is JSON', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    const empty = await parts.app.inject({ method: 'POST', url: '/v1/loras', headers, payload: '--x--\r\n' });
    expect(empty.json()).toMatchObject({ status: 422, errors: [{ field: 'file' }] });
    const json = await parts.app.inject({ method: 'POST', url: '/v1/loras', payload: { name: 'first' } });
    expect(json.statusCode).toBeGreaterThanOrEqual(400);
    expect(json.statusCode).toBeLessThan(500);
    const elsewhere = await parts.app.inject({ method: 'POST', url: '/v1/generations', headers, payload: '--x--\r\n' });
    expect(elsewhere.statusCode).toBe(415);
  });

  test('stops an upload at the limit and keeps nothing of it', async () => {
    await using small = await smallLibrary();
    await expect(small.library.add(tenantId('a'), 'big', chunks(3))).rejects.toMatchObject({
      code: 'upload_too_large',
      details: { maxBytes: 2_048 },
    });
    expect(small.library.list(tenantId('a'))).toEqual([]);
  });

  test('shows an upload to its tenant alone', async () => {
    await using small = await smallLibrary({ maxBytes: 1e8 });
    const bytes = await readFile(join(shared, 'first.safetensors'));
    const mine = await small.library.add(tenantId('a'), 'mine', one(bytes));
    expect(mine.owner).toBe('a');
    expect(small.library.list(tenantId('b'))).toEqual([]);
    const sha256 = mine.content.kind === 'usable' ? mine.content.sha256 : '';
    expect(small.library.find(tenantId('b'), { sha256 })).toBeUndefined();
    expect(await small.library.remove(tenantId('b'), 'mine')).toBe(false);
    expect(small.library.find(tenantId('a'), { sha256 })?.name).toBe('mine');
  });
});

async function smallLibrary({ maxBytes = 2_048 } = {}) {
  const uploads = await mkdtemp(join(folder, 'uploads-'));
  const library = new LoraFolders({ shared: [], uploads, maxBytes, models: { list: () => [] }, log: quietLog });
  return { library, [Symbol.asyncDispose]: () => rm(uploads, { recursive: true }) };
}

async function* chunks(count: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < count; at++) yield new Uint8Array(1_024);
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function untilListed(name: string): Promise<void> {
  return until(async () => (await list()).some((lora) => lora.name === name));
}

/** Asks again and again; the test's own time limit ends it. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 50));
}

test('the adapters that ship fit the model that ships, without a key that is unknown, and change its pictures', async () => {
  const shipped = await openParts({ device: 'cpu', model });
  try {
    const listed = (await shipped.app.inject({ url: '/v1/loras' })).json<{ items: readonly Lora[] }>().items;
    expect(listed.map(({ name, problem }) => [name, problem])).toEqual([
      ['brand-dusk', undefined],
      ['flat-drawing', undefined],
    ]);
    const pictures: Buffer[] = [];
    for (const loras of [[], [{ name: 'flat-drawing' }], [{ name: 'brand-dusk' }]]) {
      const payload = { prompt: 'a fox on a green background', seed: 11, steps: 2, loras };
      const { id } = (await shipped.app.inject({ method: 'POST', url: '/v1/generations', payload })).json();
      await shipped.app.inject({ url: `/v1/generations/${id}/events` });
      const { jobs } = (await shipped.app.inject({ url: `/v1/generations/${id}` })).json<Generation>();
      expect(jobs[0]).toMatchObject({ state: 'succeeded' });
      expect(jobs[0]?.warnings ?? []).toEqual([]);
      const answer = await shipped.app.inject({ url: jobs[0]?.asset?.url ?? '' });
      pictures.push(await sharp(answer.rawPayload).raw().toBuffer());
    }
    const [plain = Buffer.alloc(0), flat = Buffer.alloc(0), brand = Buffer.alloc(0)] = pictures;
    expect(distance(plain, flat)).toBeGreaterThan(50);
    expect(distance(plain, brand)).toBeGreaterThan(50);
  } finally {
    await shipped.close();
  }
});
