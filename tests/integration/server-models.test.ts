import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Model, ModelVariant } from '@imagemill/api';
import { ApiError, type Client, createClient } from '@imagemill/api/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openParts, untilReady } from '../support/server-parts.ts';

const demo = fileURLToPath(new URL('../../models/demo', import.meta.url));
const picture = { prompt: 'a red apple', width: 64, height: 64, steps: 2, seed: 1 };

let parts: Awaited<ReturnType<typeof openParts>>;
let client: Client;

beforeAll(async () => {
  parts = await openParts({ device: 'cpu', model: demo, weights: 'packed', maxModels: 2, threads: 2 });
  await parts.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = parts.app.server.address() as AddressInfo;
  client = createClient({ baseUrl: `http://127.0.0.1:${port}` });
  await untilReady(parts);
});
afterAll(() => parts.close());

async function demoModel(): Promise<Model> {
  const { items } = await client.listModels();
  const found = items.find(({ isDefault }) => isDefault);
  if (found === undefined) throw new Error('no model is the default');
  return found;
}

async function variant(precision: string): Promise<ModelVariant> {
  const found = (await demoModel()).precisions.find((one) => one.precision === precision);
  if (found === undefined) throw new Error(`${precision} is not offered`);
  return found;
}

/** Looks at every change of the engine until a precision is in this state. */
async function until(precision: string, state: ModelVariant['state']): Promise<ModelVariant> {
  for (;;) {
    const changed = new Promise<void>((resolve) => {
      const stop = parts.engine.onChange(() => {
        stop();
        resolve();
      });
    });
    const seen = await variant(precision);
    if (seen.state === state) return seen;
    await changed;
  }
}

async function draw(model: string, count = 1): Promise<Uint8Array[]> {
  const { id } = await client.submitGeneration({ ...picture, model, count });
  for await (const event of client.events(id)) if (event.type === 'generation.finished') break;
  const { jobs } = await client.getGeneration(id);
  return Promise.all(
    jobs.map(async ({ state, asset }) => {
      if (asset === undefined) throw new Error(`a job of ${model} ended as ${state}`);
      return new Uint8Array(await (await fetch(client.url(asset.url))).arrayBuffer());
    }),
  );
}

const refusal = (call: Promise<unknown>): Promise<ApiError> =>
  call.then(
    () => Promise.reject(new Error('nothing was refused')),
    (error: unknown) => (error instanceof ApiError ? error : Promise.reject(error)),
  );

describe('models and their precisions over HTTP', () => {
  it('lists every precision that the CPU offers, with the memory it takes, the default first', async () => {
    const { name, precisions } = await demoModel();
    expect(precisions.map((one) => one.precision)).toEqual(['packed', 'mapped', 'fp16', 'w8a8']);
    expect(precisions.map((one) => one.name)).toEqual(precisions.map((one) => `${name}:${one.precision}`));
    expect(precisions.filter((one) => one.isDefault)).toHaveLength(1);
    const bytes = Object.fromEntries(precisions.map((one) => [one.precision, one.bytes]));
    expect(bytes['packed']).toBeGreaterThan(bytes['fp16'] ?? 0);
    expect(bytes['fp16']).toBeGreaterThan(bytes['w8a8'] ?? 0);
    expect(bytes['mapped']).toBe(0);
  });

  it('draws the same prompt in two precisions side by side, and neither with the other', async () => {
    const { name } = await demoModel();
    const [packed, quantised] = await Promise.all([draw(`${name}:packed`, 2), draw(`${name}:w8a8`, 2)]);
    expect(packed[0]).not.toEqual(quantised[0]);
    expect((await variant('packed')).state).toBe('loaded');
    expect(await variant('w8a8')).toMatchObject({ state: 'loaded', pinned: false, lastUsedAt: expect.any(String) });
    expect((await client.listGenerations({ limit: 1 })).items[0]?.model).toMatch(/:(packed|w8a8)$/);
  });

  it('drops the least recently used model when there are more than maxModels', async () => {
    const { name } = await demoModel();
    await draw(`${name}:packed`);
    await draw(`${name}:w8a8`);
    await draw(`${name}:mapped`);
    await until('packed', 'unloaded');
    expect((await variant('w8a8')).state).toBe('loaded');
    expect((await variant('mapped')).state).toBe('loaded');
  });

  it('names what the device offers when a precision is unknown', async () => {
    const { name } = await demoModel();
    const error = await refusal(client.submitGeneration({ ...picture, model: `${name}:int4` }));
    expect(error.status).toBe(422);
    expect(error.problem?.errors?.[0]).toMatchObject({
      field: 'model',
      message: expect.stringContaining('packed, mapped, fp16, w8a8'),
      expected: `one of: ${[name, ...['packed', 'mapped', 'fp16', 'w8a8'].map((one) => `${name}:${one}`)].join(', ')}`,
    });
  });

  it('loads and unloads a model when it is told to', async () => {
    const { name } = await demoModel();
    await client.unloadModel(`${name}:fp16`);
    const order = await fetch(client.url(`/v1/models/${name}:fp16/load`), { method: 'POST' });
    expect(order.status).toBe(202);
    expect((await until('fp16', 'loaded')).bytes).toBeGreaterThan(0);
    const again = await fetch(client.url(`/v1/models/${name}:fp16/load`), { method: 'POST' });
    expect(again.status).toBe(200);
    const after = await client.unloadModel(`${name}:fp16`);
    expect(after.precisions.find((one) => one.precision === 'fp16')).toMatchObject({ state: 'unloaded' });
    expect((await client.unloadModel(`${name}:fp16`)).name).toBe(name);
  });

  it('does not unload a model that is drawing', async () => {
    const { name } = await demoModel();
    const { id } = await client.submitGeneration({ ...picture, width: 256, height: 256, steps: 100, model: name });
    for await (const event of client.events(id)) if (event.type === 'job.step') break;
    expect((await variant('packed')).pinned).toBe(true);
    const error = await refusal(client.unloadModel(name));
    expect([error.status, error.code]).toEqual([409, 'model_in_use']);
    await client.cancelGeneration(id);
  });

  it.each([
    ['nothing', 404],
    ['demo:int4', 404],
    ['%00', 404],
    ['x'.repeat(300), 400],
  ])('refuses to load what is not there: %#', async (name, status) => {
    const answer = await fetch(client.url(`/v1/models/${name}/load`), { method: 'POST' });
    expect(answer.status).toBe(status);
  });
});
