import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import type { AuditRecord, WebhookWithSecret } from '../../packages/api/src/index.ts';
import { issueKey } from '../support/access.ts';
import { batchWhen, requestLine, startBatch, uploadLines } from '../support/openai-batch.ts';
import { openParts } from '../support/server-parts.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const model = new URL('../../models/demo', import.meta.url).pathname;

let receiver: WebhookReceiver;
let parts: Parts;
let client: OpenAI;
let admin: { readonly authorization: string };
beforeAll(async () => {
  receiver = await startReceiver();
  parts = await openParts({ device: 'fixed:50', model, webhookAllowedHosts: ['127.0.0.1'], requireKey: true });
  const url = await parts.app.listen({ port: 0, host: '127.0.0.1' });
  const { text: apiKey } = await issueKey(parts, { role: 'member' });
  client = new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 });
  admin = (await issueKey(parts, { role: 'admin' })).headers;
});
afterAll(async () => {
  await parts?.close();
  await receiver?.[Symbol.asyncDispose]();
});

async function listen(path: string, more: object = {}): Promise<WebhookWithSecret> {
  const payload = { url: receiver.url + path, ...more };
  const answer = await parts.app.inject({ method: 'POST', url: '/v1/webhooks', headers: admin, payload });
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json();
}

/** What an endpoint was told about a batch, as the openai package reads it. */
async function told(path: string, { id }: OpenAI.Batch, secret: string) {
  const message = await receiver.until((one) => one.path === `/hook${path}` && one.body.includes(id));
  return client.webhooks.unwrap(message.body, message.headers as Record<string, string>, secret);
}

async function audited(action: string): Promise<AuditRecord[]> {
  const answer = await parts.app.inject({ url: `/v1/audit?action=${action}`, headers: admin });
  return answer.json<{ items: AuditRecord[] }>().items;
}

test('the end of a batch is told under the name of OpenAI, and read by its package with the signature', async () => {
  const { secret } = await listen('/all');
  await listen('/failed-alone', { events: ['batch.failed'] });
  const completed = await batchWhen(client, await startBatch(client, [requestLine('a')]));
  expect(await told('/all', completed, secret)).toMatchObject({
    ...{ object: 'event', type: 'batch.completed', data: { id: completed.id } },
    created_at: completed.completed_at,
  });

  const failed = await batchWhen(client, await startBatch(client, ['no request']));
  expect(await told('/all', failed, secret)).toMatchObject({ type: 'batch.failed', data: { id: failed.id } });

  const lines = Array.from({ length: 200 }, (_, at) => requestLine(`${at}`));
  const started = await startBatch(client, lines);
  await batchWhen(client, started, ({ status }) => status === 'in_progress');
  await client.batches.cancel(started.id);
  const cancelled = await batchWhen(client, started);
  const event = await told('/all', cancelled, secret);
  expect(event).toMatchObject({ type: 'batch.cancelled', created_at: cancelled.cancelled_at });
  expect(event.id).toMatch(/^evt_/);
  await expect(told('/all', cancelled, 'whsec_AAAA')).rejects.toThrow(/signature/i);

  await receiver.until(({ path, body }) => path === '/hook/failed-alone' && body.includes(failed.id));
  expect(receiver.messages.filter(({ path }) => path === '/hook/failed-alone')).toHaveLength(1);
});

test('who uploads and deletes files, and starts and cancels batches, stands in the audit log', async () => {
  const kept = await uploadLines(client, [requestLine('a')]);
  await client.files.delete(kept.id);
  const started = await startBatch(
    client,
    Array.from({ length: 200 }, (_, at) => requestLine(`${at}`)),
  );
  await client.batches.cancel(started.id);
  await batchWhen(client, started);
  const [uploads, deletions, starts, cancels] = await Promise.all(
    ['file.uploaded', 'file.deleted', 'batch.created', 'batch.cancelled'].map(audited),
  );
  const facts = { name: 'lines.jsonl', purpose: 'batch', sizeBytes: kept.bytes };
  expect(uploads).toContainEqual(expect.objectContaining({ target: kept.id, after: facts }));
  expect(deletions).toMatchObject([{ target: kept.id, before: facts, address: '127.0.0.1' }]);
  expect(deletions?.[0]?.actor.keyId).toMatch(/./);
  const { id, input_file_id: inputFileId } = started;
  expect(starts).toContainEqual(
    expect.objectContaining({ target: id, after: { inputFileId, endpoint: '/v1/images/generations', window: '24h' } }),
  );
  expect(cancels?.filter(({ target }) => target === id)).toMatchObject([{ after: { state: 'cancelling' } }]);
});
