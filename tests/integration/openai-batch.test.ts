import OpenAI, { toFile } from 'openai';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import { issueKey } from '../support/access.ts';
import { answersIn, batchWhen, requestLine, startBatch, uploadLines } from '../support/openai-batch.ts';
import { openParts } from '../support/server-parts.ts';
import { ServerFolder } from '../support/server-process.ts';

const model = new URL('../../models/demo', import.meta.url).pathname;

let parts: Parts;
let url = '';
let client: OpenAI;
beforeAll(async () => {
  parts = await openParts({ device: 'fixed:1', model });
  url = await parts.app.listen({ port: 0, host: '127.0.0.1' });
  const { text: apiKey } = await issueKey(parts, { role: 'member' });
  client = new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 });
});
afterAll(() => parts.close());

async function refusalOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
}

describe('the openai package and its files', () => {
  test('are uploaded, found, read and deleted', async () => {
    const text = `${requestLine('a')}\n`;
    const file = await client.files.create({
      file: await toFile(Buffer.from(text), 'näme.jsonl'),
      purpose: 'batch',
      expires_after: { anchor: 'created_at', seconds: 3_600 },
    });
    expect(file).toMatchObject({ object: 'file', bytes: text.length, purpose: 'batch', status: 'processed' });
    expect(file.filename).toBe('näme.jsonl');
    expect((file.expires_at ?? 0) - file.created_at).toBe(3_600);
    expect(await client.files.retrieve(file.id)).toEqual(file);
    expect(await (await client.files.content(file.id)).text()).toBe(text);
    expect(await client.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true });
    expect(await refusalOf(client.files.retrieve(file.id))).toBeInstanceOf(OpenAI.NotFoundError);
  });

  test('are listed page by page, newest first or last', async () => {
    const made = [];
    for (const name of ['1', '2', '3']) made.push((await uploadLines(client, [requestLine(name)])).id);
    const newest = [];
    for await (const { id } of client.files.list({ limit: 2, purpose: 'batch' })) newest.push(id);
    expect(newest.slice(0, 3)).toEqual(made.toReversed());
    const oldest = await client.files.list({ order: 'asc', limit: 1, after: made[0] ?? '' });
    expect(oldest).toMatchObject({ has_more: true, data: [{ id: made[1] }] });
  });

  test.each([
    ['another purpose', { purpose: 'fine-tune' }, { status: 400, param: 'purpose' }],
    [
      'a time that is too short',
      { purpose: 'batch', expires_after: { anchor: 'created_at', seconds: 60 } },
      { status: 400, param: 'seconds' },
    ],
  ])('are refused with %s', async (_what, fields, expected) => {
    const file = await toFile(Buffer.from('{}'), 'x.jsonl');
    const error = await refusalOf(client.files.create({ file, ...fields } as OpenAI.FileCreateParams));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject(expected);
  });

  test('are refused when they are larger than allowed, all together too', async () => {
    const small = await openParts({ maxBulkBytes: 2_000, tenantFileBytes: 3_000 });
    try {
      const address = await small.app.listen({ port: 0, host: '127.0.0.1' });
      const guest = new OpenAI({ apiKey: (await issueKey(small, {})).text, baseURL: `${address}/v1`, maxRetries: 0 });
      const upload = async (size: number) =>
        guest.files.create({ file: await toFile(Buffer.alloc(size, 'x'), 'x'), purpose: 'batch' });
      expect(await refusalOf(upload(2_001))).toMatchObject({ status: 413 });
      await upload(2_000);
      expect(await refusalOf(upload(2_000))).toMatchObject({ status: 429, code: 'insufficient_quota' });
      await upload(1_000);
    } finally {
      await small.close();
    }
  });
});

describe('the openai package and a batch', () => {
  test('get pictures by address in one file, and what was refused by line in another', async () => {
    const batch = await startBatch(
      client,
      [
        requestLine('one', { n: 2, response_format: 'b64_json' }),
        requestLine('two', { model: 'flux' }),
        '',
        requestLine('three', { prompt: '' }),
        requestLine('four', { stream: true }),
        requestLine('five', { output_format: 'jpeg' }),
      ],
      { metadata: { campaign: 'spring' } },
    );
    expect(batch).toMatchObject({ object: 'batch', status: 'validating', endpoint: '/v1/images/generations' });
    expect((batch.expires_at ?? 0) - batch.created_at).toBe(86_400);
    const ended = await batchWhen(client, batch);
    expect(ended).toMatchObject({
      status: 'completed',
      request_counts: { total: 5, completed: 2, failed: 3 },
      metadata: { campaign: 'spring' },
      errors: null,
      usage: { output_tokens: 12, input_tokens_details: { cached_tokens: 0 } },
    });
    for (const at of ['in_progress_at', 'finalizing_at', 'completed_at'] as const) {
      expect(ended[at]).toBeGreaterThanOrEqual(batch.created_at);
    }
    const output = await answersIn(client, ended.output_file_id);
    expect(output.map(({ custom_id }) => custom_id).sort()).toEqual(['five', 'one']);
    for (const { response, error } of output) {
      expect(error).toBeNull();
      expect(response?.status_code).toBe(200);
      const { data, output_format } = (response?.body ?? {}) as OpenAI.ImagesResponse;
      for (const { url: address = '', b64_json } of data ?? []) {
        expect(b64_json).toBeUndefined();
        const answer = await fetch(address);
        const { format } = await sharp(Buffer.from(await answer.arrayBuffer())).metadata();
        expect(format).toBe(output_format);
      }
    }
    const refused = await answersIn(client, ended.error_file_id);
    expect(refused).toMatchObject([
      { custom_id: 'two', response: { status_code: 404, body: { error: { code: 'model_not_found' } } }, error: null },
      { custom_id: 'three', response: { status_code: 400, body: { error: { param: 'prompt' } } } },
      { custom_id: 'four', response: { status_code: 400, body: { error: { param: 'stream' } } } },
    ]);
    const files = await client.files.list({ purpose: 'batch_output' });
    expect(files.data.map(({ id }) => id)).toEqual(expect.arrayContaining([ended.output_file_id, ended.error_file_id]));
  });

  test('edit pictures that were uploaded before, or stand in the line', async () => {
    const bytes = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#3050c0' } })
      .png()
      .toBuffer();
    const uploaded = await client.files.create({ file: await toFile(bytes, 'blue.png'), purpose: 'vision' });
    const line = (custom_id: string, body: object) =>
      JSON.stringify({ custom_id, method: 'POST', url: '/v1/images/edits', body: { prompt: 'a leaf', ...body } });
    const image_url = `data:image/png;base64,${bytes.toString('base64')}`;
    const lines = [
      line('file', { images: [{ file_id: uploaded.id }] }),
      line('here', { images: [{ image_url }], strength: 0.3 }),
      line('gone', { images: [{ file_id: 'file-none' }] }),
      line('none', {}),
    ];
    const ended = await batchWhen(client, await startBatch(client, lines, { endpoint: '/v1/images/edits' }));
    expect(ended).toMatchObject({ status: 'completed', request_counts: { completed: 2, failed: 2 } });
    expect(await answersIn(client, ended.error_file_id)).toMatchObject([
      { custom_id: 'gone', response: { status_code: 404, body: { error: { code: 'file_not_found' } } } },
      { custom_id: 'none', response: { status_code: 400, body: { error: { param: 'image' } } } },
    ]);
  });

  test('are told of every line that is no request, and nothing is drawn', async () => {
    const other = JSON.stringify({ custom_id: 'x', method: 'GET', url: '/v1/images/generations', body: {} });
    const elsewhere = JSON.stringify({ custom_id: 'y', method: 'POST', url: '/v1/embeddings', body: {} });
    const lines = [requestLine('a'), '{"custom_id":', requestLine('a'), '[]', other, elsewhere, '{"method":"POST"}'];
    const batch = await batchWhen(client, await startBatch(client, lines));
    expect(batch).toMatchObject({ status: 'failed', request_counts: { total: 0, completed: 0, failed: 0 } });
    expect(batch.errors?.data?.map(({ line, code, param }) => [line, code, param])).toEqual([
      [2, 'invalid_json_line', null],
      [3, 'duplicate_custom_id', 'custom_id'],
      [4, 'invalid_json_line', null],
      [5, 'invalid_method', 'method'],
      [6, 'invalid_url', 'url'],
      [7, 'missing_required_parameter', 'custom_id'],
    ]);
  });

  test.each([
    ['no lines', [''], 'empty_file'],
    ['more than 50,000 lines', Array.from({ length: 50_001 }, (_, at) => requestLine(`${at}`)), 'too_many_requests'],
    ['a line that is too long', [requestLine('a', { prompt: 'x'.repeat(1_048_576) })], 'line_too_long'],
  ])('are told of a file with %s', async (_what, lines, code) => {
    const batch = await batchWhen(client, await startBatch(client, lines));
    expect(batch).toMatchObject({ status: 'failed', errors: { data: [{ code }] } });
  });

  test.each([
    ['a file that is not there', { input_file_id: 'file-none' }, { status: 404, code: 'file_not_found' }],
    ['another endpoint', { endpoint: '/v1/embeddings' }, { status: 400, param: 'endpoint' }],
    ['a window that is none', { completion_window: 'soon' }, { status: 400, param: 'completion_window' }],
  ])('are refused with %s', async (_what, fields, expected) => {
    const { id } = await uploadLines(client, [requestLine('a')]);
    const base = { input_file_id: id, endpoint: '/v1/images/generations', completion_window: '24h' };
    const body = { ...base, ...fields } as OpenAI.BatchCreateParams;
    expect(await refusalOf(client.batches.create(body))).toMatchObject(expected);
  });

  test('list it, and cannot cancel what has ended', async () => {
    const batch = await batchWhen(client, await startBatch(client, [requestLine('a')]));
    const page = await client.batches.list({ limit: 1 });
    expect(page).toMatchObject({ data: [batch], has_more: true });
    const error = await refusalOf(client.batches.cancel(batch.id));
    expect(error).toBeInstanceOf(OpenAI.ConflictError);
    expect((error as InstanceType<typeof OpenAI.APIError>).headers?.get('x-should-retry')).toBe('false');
    expect(await refusalOf(client.batches.retrieve('batch_none'))).toBeInstanceOf(OpenAI.NotFoundError);
  });
});

describe('a batch that takes long', () => {
  test('is cancelled: what was drawn is in its file, the rest is told apart; its file cannot go meanwhile', async () => {
    const slow = await openParts({ device: 'fixed:40', model, slots: 1 });
    try {
      const address = await slow.app.listen({ port: 0, host: '127.0.0.1' });
      const own = new OpenAI({ apiKey: (await issueKey(slow, {})).text, baseURL: `${address}/v1`, maxRetries: 0 });
      const lines = Array.from({ length: 300 }, (_, at) => requestLine(`c${at}`));
      const batch = await startBatch(own, lines);
      await batchWhen(own, batch, ({ request_counts: counts }) => (counts?.completed ?? 0) > 2);
      expect(await refusalOf(own.files.delete(batch.input_file_id))).toMatchObject({
        status: 409,
        code: 'file_in_use',
      });
      expect(await own.batches.cancel(batch.id)).toMatchObject({ status: 'cancelling' });
      const ended = await batchWhen(own, batch);
      expect(ended.status).toBe('cancelled');
      const { completed = 0, failed = 0 } = ended.request_counts ?? {};
      expect(completed).toBeGreaterThan(2);
      expect(completed + failed).toBe(300);
      expect(await answersIn(own, ended.output_file_id)).toHaveLength(completed);
      const rest = await answersIn(own, ended.error_file_id);
      expect(rest).toHaveLength(failed);
      expect(new Set(rest.map(({ error }) => error?.code))).toEqual(new Set(['batch_cancelled']));
      expect(await own.batches.cancel(batch.id)).toMatchObject({ status: 'cancelled' });
      expect(await own.files.delete(batch.input_file_id)).toMatchObject({ deleted: true });
    } finally {
      await slow.close();
    }
  });

  test('goes on after the server was killed, and draws nothing twice', async () => {
    const folder = await ServerFolder.create();
    try {
      const settings = { model, device: 'fixed:5' } as const;
      const first = await folder.start(settings);
      // Who is on the same machine needs no key.
      const clientOf = (address: string) =>
        new OpenAI({
          ...{ apiKey: 'none', baseURL: `${address}/v1`, maxRetries: 0 },
        });
      const lines = Array.from({ length: 500 }, (_, at) => requestLine(`k${at}`));
      const batch = await startBatch(clientOf(first.url), lines);
      await batchWhen(clientOf(first.url), batch, ({ request_counts: counts }) => (counts?.completed ?? 0) > 20);
      await first.stop('SIGKILL');
      const second = await folder.start(settings);
      const own = clientOf(second.url);
      const ended = await batchWhen(own, batch);
      expect(ended).toMatchObject({ status: 'completed', request_counts: { total: 500, completed: 500, failed: 0 } });
      const answers = await answersIn(own, ended.output_file_id);
      expect(new Set(answers.map(({ custom_id }) => custom_id)).size).toBe(500);
      let generations = 0;
      for (let cursor = ''; ; ) {
        const page = (await (await fetch(`${second.url}/v1/generations?limit=100${cursor}`)).json()) as {
          items: unknown[];
          nextCursor?: string;
        };
        generations += page.items.length;
        if (page.nextCursor === undefined) break;
        cursor = `&cursor=${page.nextCursor}`;
      }
      expect(generations).toBe(500);
      await second.stop('SIGTERM');
    } finally {
      await folder.remove();
    }
  });
});
