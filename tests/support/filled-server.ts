import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SettingsInput } from '../../apps/server/src/index.ts';
import { type Client, createClient } from '../../packages/api/src/client/index.ts';
import { writeLora } from './demo-lora.ts';
import { type ImagemillServer, startImagemill } from './imagemill-server.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));

/** Rows of a bulk, two of which cannot be drawn. */
export const bulkRows = 'product,colour\nan owl,blue\na rocket,\na car,red,left\n一朵向日葵,yellow\n';
export const bulkTemplate = '{{product}} on a {{colour}} background';

/** Starts a server with the demo model on which every page has something to show. */
export async function startFilledServer(
  settings: SettingsInput = {},
): Promise<ImagemillServer & { readonly client: Client }> {
  const server = await startImagemill({ alertIntervalSeconds: 0.5, ...settings });
  const client = createClient({ baseUrl: server.url });
  await setUp(client);
  await fillGallery(client);
  await fillReviews(server.url, client);
  await fillQueue(client);
  await client.verifyModel((await client.listModels()).items[0]?.name ?? 'demo');
  return { ...server, client, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function setUp(client: Client): Promise<void> {
  await client.setPrices({ currency: 'EUR', perPicture: 0.02, perDeviceSecond: 0.0005 });
  await client.setBudget({ soft: 1, hard: 2 });
  await client.createTenant({ id: 'acme', name: 'Acme', weight: 2, limits: { picturesPerDay: 5_000, maxRunning: 2 } });
  await client.createMember({ email: 'lin@example.com', name: 'Lin', role: 'operator' });
  await client.createKey({ name: 'web shop', role: 'member', limits: { requestsPerMinute: 120 } });
  await client.changeAlertRule('queue-long', { threshold: 1, forSeconds: 0 });
  await client.createAlertChannel({ name: 'Night shift', kind: 'slack', url: 'https://hooks.example.com/one' });
}

/** Pictures with stars and tags, one of them with an adapter, and a bulk. */
async function fillGallery(client: Client): Promise<void> {
  await withLora(client, 'ink', 5);
  const things = [
    '一只熊猫，绿色背景',
    'a rocket on a purple background',
    '一朵向日葵，蓝色背景',
    'a car on a yellow background',
  ];
  for (const [index, prompt] of things.entries()) await draw(client, { prompt, count: 3, seed: 11 * index });
  const { id } = await client.createBulk('spring.csv', new Blob([bulkRows]), { template: bulkTemplate, steps: 4 });
  while ((await client.getBulk(id)).state !== 'finished') await new Promise((resolve) => setTimeout(resolve, 100));
  const ids = (await client.listPictures({ limit: 3 })).items.map((picture) => picture.id);
  await client.markPictures({ ids, starred: true, addTags: ['catalogue'] });
}

/** A picture that the quality gate held back. */
async function fillReviews(url: string, client: Client): Promise<void> {
  const policy = (body: object): Promise<Response> =>
    fetch(`${url}/v1/quality/policy`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  await policy({ actions: { blank: 'review' }, limits: { blankSpread: 127.5 } });
  await draw(client, { prompt: 'a teapot on a red background', steps: 2 });
  await policy({});
}

/** A paused queue in which work waits, and a picture that could not be drawn: its adapter went away. */
async function fillQueue(client: Client): Promise<void> {
  await withLora(client, 'gone', 9);
  await client.pauseQueue();
  const lost = await client.submitGeneration({ prompt: 'a boat in ink', loras: [{ name: 'gone' }], maxRetries: 0 });
  await client.deleteLora('gone');
  await client.resumeQueue();
  for await (const _event of client.events(lost.id));
  await client.pauseQueue();
  await client.submitGeneration({ prompt: '一座灯塔，橙色背景', count: 4 });
  await client.submitGeneration({ prompt: 'an owl on a dark blue background', count: 2, priority: 'bulk' });
}

async function withLora(client: Client, name: string, seed: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'imagemill-lora-'));
  const metadata = { 'modelspec.trigger_phrase': 'inkstyle' };
  const file = await writeLora(folder, name, { model, seed, metadata });
  await client.uploadLora(`${name}.safetensors`, new Blob([readFileSync(file)]));
  rmSync(folder, { recursive: true });
}

async function draw(client: Client, request: Parameters<Client['submitGeneration']>[0]): Promise<void> {
  const { id } = await client.submitGeneration(request);
  for await (const _event of client.events(id));
}
