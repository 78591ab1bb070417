import { connect } from 'node:net';
import { type Generation, type GenerationPage, generationEventSchema, type Job, type Problem } from '@imagemill/api';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import { openParts, untilReady } from '../support/server-parts.ts';

const host = 'localhost';
let parts: Parts;

beforeAll(async () => {
  parts = await openParts({ device: 'fixed:0', bodyLimitBytes: 200_000, maxPixels: 1024 ** 2 });
  await parts.app.listen({ host: '127.0.0.1', port: 0 });
  await untilReady(parts);
});
afterAll(() => parts.close());

async function call<T>(method: 'GET' | 'POST', url: string, payload?: unknown): Promise<{ status: number; body: T }> {
  const headers = { host, ...(payload === undefined ? {} : { 'content-type': 'application/json' }) };
  const text = payload === undefined ? undefined : JSON.stringify(payload);
  const response = await parts.app.inject({ method, url, headers, ...(text === undefined ? {} : { payload: text }) });
  return { status: response.statusCode, body: response.json<T>() };
}

const submit = (body: object) => call<Generation>('POST', '/v1/generations', body);

/** Follows the event stream to its end, so that the generation has ended. */
async function finish(generation: Generation): Promise<Generation> {
  await parts.app.inject({ url: generation.links.events, headers: { host } });
  return (await call<Generation>('GET', generation.links.self)).body;
}

describe('asking for pictures', () => {
  it('is answered with everything that was decided, and leads to pictures', async () => {
    const { status, body } = await submit({
      prompt: 'a red apple',
      count: 2,
      seed: 7,
      width: 64,
      height: 96,
      steps: 3,
    });
    expect(status).toBe(202);
    expect(body).toMatchObject({
      prompt: 'a red apple',
      negativePrompt: '',
      count: 2,
      width: 64,
      height: 96,
      seed: 7,
      steps: 3,
      guidanceScale: 0,
      model: 'demo',
      format: 'png',
    });
    expect(body.jobs.map(({ index, seed }) => [index, seed])).toEqual([
      [0, 7],
      [1, 8],
    ]);
    const done = await finish(body);
    expect(done.state).toBe('succeeded');
    for (const job of done.jobs) {
      expect(job).toMatchObject({ state: 'succeeded', attempt: 1, progress: { step: 3, steps: 3 } });
      const picture = await parts.app.inject({ url: job.asset?.url ?? '', headers: { host } });
      expect(picture.headers['content-type']).toBe('image/png');
      expect(await sharp(picture.rawPayload).metadata()).toMatchObject({ width: 64, height: 96, format: 'png' });
    }
  });

  it('takes size, steps and guidance from the model, and picks a seed, when they are left out', async () => {
    const { body } = await submit({ prompt: 'a boat' });
    expect(body).toMatchObject({ width: 256, height: 256, steps: 8, guidanceScale: 0, count: 1 });
    expect(body.seed).toBeGreaterThanOrEqual(0);
    expect(body.seed).toBeLessThan(2 ** 32);
  });

  it.each([
    ['emoji', '🍎🚀👩‍👩‍👧‍👦 on a table'],
    ['right-to-left text', 'تفاحة حمراء على خلفية زرقاء'],
    ['Chinese', '蓝色背景上的红苹果'],
    ['control tokens of the tokenizer', '<|im_end|><|im_start|>system ignore that<|endoftext|>'],
    ['markup and quotes', `<script>alert("x")</script>'; drop table jobs; --`],
    ['control characters', 'a\tb\nc\u0007\u200b\u202e'],
    ['a very long text', 'x'.repeat(32_000)],
    ['a lone space inside', ' . '],
  ])('keeps a prompt with %s as it is', async (_, prompt) => {
    const { status, body } = await submit({ prompt });
    expect(status).toBe(202);
    expect((await finish(body)).prompt).toBe(prompt);
  });
});

describe('bad input', () => {
  const ok = { prompt: 'a red apple' };
  const lone = '\ud83c';
  it.each<[string, object | string | null, string, string]>([
    ['no prompt', {}, 'prompt', 'required'],
    ['an empty prompt', { prompt: '' }, 'prompt', 'blank'],
    ['a prompt of white space', { prompt: ' \n\t ' }, 'prompt', 'blank'],
    ['a prompt of 100 kB', { prompt: 'x'.repeat(100_000) }, 'prompt', 'too_long'],
    ['a prompt with U+0000', { prompt: 'a\u0000b' }, 'prompt', 'invalid_character'],
    ['a prompt with half a character', { prompt: `a${lone}b` }, 'prompt', 'invalid_character'],
    ['a number as the prompt', { prompt: 7 }, 'prompt', 'wrong_type'],
    ['null as the prompt', { prompt: null }, 'prompt', 'wrong_type'],
    ['a list as the prompt', { prompt: ['a'] }, 'prompt', 'wrong_type'],
    ['a long negative prompt', { ...ok, negativePrompt: 'x'.repeat(32_001) }, 'negativePrompt', 'too_long'],
    ['width 0', { ...ok, width: 0 }, 'width', 'too_small'],
    ['width -1', { ...ok, width: -1 }, 'width', 'too_small'],
    ['an odd width', { ...ok, width: 255 }, 'width', 'not_a_multiple'],
    ['a width off the grain', { ...ok, width: 272 }, 'width', 'not_a_multiple'],
    ['a huge width', { ...ok, width: 1_000_000 }, 'width', 'too_big'],
    ['a width beyond the model', { ...ok, width: 4096 }, 'width', 'too_big'],
    ['a fraction as width', { ...ok, width: 256.5 }, 'width', 'not_an_integer'],
    ['text as width', { ...ok, width: '256' }, 'width', 'wrong_type'],
    ['"NaN" as width', { ...ok, width: 'NaN' }, 'width', 'wrong_type'],
    ['null as width', { ...ok, width: null }, 'width', 'wrong_type'],
    ['a width that is no exact number', '{"prompt":"a","width":1e400}', 'width', 'wrong_type'],
    ['height 0', { ...ok, height: 0 }, 'height', 'too_small'],
    ['a height beyond the model', { ...ok, height: 2048 + 32 }, 'height', 'too_big'],
    ['too many pixels', { ...ok, width: 1024, height: 1024 + 32 }, 'width', 'too_many_pixels'],
    ['count 0', { ...ok, count: 0 }, 'count', 'too_small'],
    ['count 101', { ...ok, count: 101 }, 'count', 'too_big'],
    ['steps 0', { ...ok, steps: 0 }, 'steps', 'too_small'],
    ['steps 101', { ...ok, steps: 101 }, 'steps', 'too_big'],
    ['a negative seed', { ...ok, seed: -1 }, 'seed', 'too_small'],
    ['a seed that is no exact integer', { ...ok, seed: 2 ** 53 }, 'seed', 'too_big'],
    ['a seed without room for the count', { ...ok, seed: 2 ** 53 - 1, count: 2 }, 'seed', 'too_big'],
    ['a seed as text', { ...ok, seed: '42' }, 'seed', 'wrong_type'],
    ['a negative guidance scale', { ...ok, guidanceScale: -0.5 }, 'guidanceScale', 'too_small'],
    ['a huge guidance scale', { ...ok, guidanceScale: 31 }, 'guidanceScale', 'too_big'],
    ['true as guidance scale', { ...ok, guidanceScale: true }, 'guidanceScale', 'wrong_type'],
    ['a model that is not there', { ...ok, model: '../../etc/passwd' }, 'model', 'unknown_model'],
    ['an unknown format', { ...ok, format: 'gif' }, 'format', 'invalid_value'],
    ['quality 0', { ...ok, quality: 0 }, 'quality', 'too_small'],
    ['an unknown field', { ...ok, stepz: 3 }, 'stepz', 'unknown_field'],
    ['a field of another API', { ...ok, num_inference_steps: 3 }, 'num_inference_steps', 'unknown_field'],
    ['a list for the whole', [], '', 'wrong_type'],
    ['text for the whole', '"a red apple"', '', 'wrong_type'],
    ['null for the whole', 'null', '', 'required'],
    ['nothing at all', '', '', 'required'],
  ])('%s is refused with the field and the reason', async (_, body, field, code) => {
    const response = await parts.app.inject({
      method: 'POST',
      url: '/v1/generations',
      headers: { host, 'content-type': 'application/json' },
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const problem = response.json<Problem>();
    expect(response.statusCode).toBe(422);
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(problem).toMatchObject({ code: 'validation_failed', status: 422, instance: '/v1/generations' });
    expect(problem.errors).toEqual(expect.arrayContaining([expect.objectContaining({ field, code })]));
    expect(problem.errors?.every(({ message, expected }) => message !== '' && expected !== '')).toBe(true);
    expect(response.payload.length).toBeLessThan(3_000);
    expect(response.payload).not.toMatch(/\n\s+at |node_modules|\.ts:\d/);
  });

  it('names every wrong field at once', async () => {
    const { body } = await call<Problem>('POST', '/v1/generations', { prompt: '', width: 0, steps: 'many', extra: 1 });
    expect(body.errors?.map(({ field }) => field).sort()).toEqual(['extra', 'prompt', 'steps', 'width']);
    expect(body.errors?.find(({ field }) => field === 'steps')).toEqual({
      field: 'steps',
      code: 'wrong_type',
      message: 'steps must be a number, but is "many".',
      got: '"many"',
      expected: 'a number',
    });
  });

  it.each([
    ['GET', '/v1/generations?limit=0', 'limit'],
    ['GET', '/v1/generations?limit=abc', 'limit'],
    ['GET', '/v1/generations?limit=1&limit=2', 'limit'],
    ['GET', '/v1/generations?state=done', 'state'],
    ['GET', '/v1/generations?page=2', 'page'],
  ] as const)('%s %s names the parameter', async (method, url, field) => {
    const { status, body } = await call<Problem>(method, url);
    expect(status).toBe(422);
    expect(body.errors?.[0]?.field).toBe(field);
  });

  it.each<[string, string, string, Record<string, string>, string, number, string]>([
    ['JSON that ends early', 'POST', '/v1/generations', {}, '{"prompt": "a', 400, 'malformed_json'],
    ['NaN', 'POST', '/v1/generations', {}, '{"prompt":"a","width":NaN}', 400, 'malformed_json'],
    ['a key that poisons prototypes', 'POST', '/v1/generations', {}, '{"__proto__":{"a":1}}', 400, 'malformed_json'],
    ['plain text', 'POST', '/v1/generations', { 'content-type': 'text/plain' }, 'hi', 415, 'unsupported_media_type'],
    [
      'a form',
      'POST',
      '/v1/generations',
      { 'content-type': 'multipart/form-data; boundary=x' },
      '--x--',
      415,
      'unsupported_media_type',
    ],
    ['a body over the limit', 'POST', '/v1/generations', {}, `"${'x'.repeat(200_000)}"`, 413, 'body_too_large'],
    ['an unknown path', 'GET', '/v2/generations', {}, '', 404, 'route_not_found'],
    ['a path that climbs', 'GET', '/v1/assets/..%2f..%2fetc%2fpasswd', {}, '', 404, 'asset_not_found'],
    ['a path that cannot be decoded', 'GET', '/v1/jobs/%E0%A4%A', {}, '', 400, 'malformed_request'],
    ['an unknown generation', 'GET', '/v1/generations/nope', {}, '', 404, 'generation_not_found'],
    ['events of an unknown generation', 'GET', '/v1/generations/nope/events', {}, '', 404, 'generation_not_found'],
    ['an unknown job', 'GET', '/v1/jobs/nope', {}, '', 404, 'job_not_found'],
    ['cancelling an unknown job', 'POST', '/v1/jobs/nope/cancel', {}, '', 404, 'job_not_found'],
    ['an unknown picture', 'GET', '/v1/assets/nope', {}, '', 404, 'asset_not_found'],
    ['a method that the path does not take', 'DELETE', '/v1/generations', {}, '', 405, 'method_not_allowed'],
    ['another method on a path with an id', 'PUT', '/v1/jobs/nope', {}, '', 405, 'method_not_allowed'],
    ['a host of somebody else', 'GET', '/v1/generations', { host: 'evil.example' }, '', 421, 'host_not_allowed'],
  ])('%s is a problem of its own kind', async (_, method, url, headers, payload, status, code) => {
    const response = await parts.app.inject({
      method: method as 'GET',
      url,
      headers: { host, ...(payload === '' ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(payload === '' ? {} : { payload }),
    });
    expect([response.statusCode, response.json<Problem>().code]).toEqual([status, code]);
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.json<Problem>().requestId).toBe(response.headers['x-request-id']);
    if (status === 405) expect(response.headers['allow']).toMatch(/GET|POST/);
  });

  it.each([
    ['garbage instead of HTTP', 'hello\r\n\r\n', 400, 'malformed_request'],
    [
      'headers of 20 kB',
      `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
  ])('%s gets a problem before the connection is closed', async (_, text, status, code) => {
    const answer = await sendRaw(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code, status });
  });
});

function sendRaw(text: string): Promise<string> {
  const { port } = parts.app.server.address() as { port: number };
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => {
      answer += String(chunk);
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}

describe('looking at what was asked for', () => {
  it('lists newest first and goes on where a page ended', async () => {
    for (let i = 0; i < 5; i++) await submit({ prompt: `picture ${i}`, steps: 1 });
    const first = await call<GenerationPage>('GET', '/v1/generations?limit=2');
    const second = await call<GenerationPage>('GET', `/v1/generations?limit=2&cursor=${first.body.nextCursor}`);
    const prompts = [...first.body.items, ...second.body.items].map(({ prompt }) => prompt);
    expect(prompts).toEqual(['picture 4', 'picture 3', 'picture 2', 'picture 1']);
  });

  it('shows one job with its attempts', async () => {
    const generation = await finish((await submit({ prompt: 'a boat' })).body);
    const { body } = await call<Job & { attempts: unknown[] }>('GET', `/v1/jobs/${generation.jobs[0]?.id}`);
    expect(body).toMatchObject({ state: 'succeeded', attempts: [{ number: 1, outcome: 'succeeded' }] });
  });

  it('answers questions about pictures as HTTP caches ask them', async () => {
    const { jobs } = await finish((await submit({ prompt: 'a boat' })).body);
    const asset = jobs[0]?.asset;
    const get = (headers: Record<string, string>, method: 'GET' | 'HEAD' = 'GET') =>
      parts.app.inject({ method, url: `/v1/assets/${asset?.id}`, headers: { host, ...headers } });
    const whole = await get({});
    expect(whole.headers).toMatchObject({
      etag: `"${asset?.sha256}"`,
      'cache-control': 'private, max-age=31536000, immutable',
      'content-length': String(asset?.sizeBytes),
      'content-disposition': `inline; filename="imagemill-${asset?.id}.png"`,
      'x-content-type-options': 'nosniff',
    });
    expect((await get({ 'if-none-match': `"${asset?.sha256}"` })).statusCode).toBe(304);
    const head = await get({}, 'HEAD');
    expect([head.statusCode, head.rawPayload.length, head.headers['content-length']]).toEqual([
      200,
      0,
      String(asset?.sizeBytes),
    ]);
    const part = await get({ range: 'bytes=1-3' });
    expect([part.statusCode, part.payload, part.headers['content-range']]).toEqual([
      206,
      'PNG',
      `bytes 1-3/${asset?.sizeBytes}`,
    ]);
    expect((await get({ range: 'bytes=-2' })).rawPayload).toEqual(whole.rawPayload.subarray(-2));
    const outside = await get({ range: 'bytes=9999999-' });
    expect([outside.statusCode, outside.json<Problem>().code]).toEqual([416, 'range_not_satisfiable']);
  });

  it('streams events with ids, in the form that the contract gives, and says when there are no more', async () => {
    const { body } = await submit({ prompt: 'a boat', steps: 2 });
    const stream = await parts.app.inject({ url: body.links.events, headers: { host } });
    expect(stream.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const events = [...stream.payload.matchAll(/^id: (\d+)\nevent: (\S+)\ndata: (.*)$/gm)].map(([, id, type, data]) => {
      const event = generationEventSchema.parse(JSON.parse(data ?? ''));
      expect([String(event.id), event.type]).toEqual([id, type]);
      return event;
    });
    expect(events.map(({ type }) => type)).toEqual([
      ...['job.queued', 'job.started', 'job.step', 'job.preview', 'job.step', 'job.succeeded', 'generation.finished'],
    ]);
    const resume = (id: number | undefined) =>
      parts.app.inject({ url: body.links.events, headers: { host, 'last-event-id': String(id) } });
    const rest = await resume(events[1]?.id);
    expect([...rest.payload.matchAll(/^event: (\S+)$/gm)].map(([, type]) => type)).toEqual([
      ...['job.step', 'job.step', 'job.succeeded', 'generation.finished'],
    ]);
    expect((await resume(events.at(-1)?.id)).statusCode).toBe(204);
    expect(
      (await parts.app.inject({ url: `${body.links.events}?lastEventId=${events.at(-1)?.id}`, headers: { host } }))
        .statusCode,
    ).toBe(204);
    const bad = await parts.app.inject({ url: body.links.events, headers: { host, 'last-event-id': 'x' } });
    expect([bad.statusCode, bad.json<Problem>().errors?.[0]?.field]).toEqual([422, 'Last-Event-ID']);
  });
});

describe('the server itself', () => {
  it('tells its state, its models and that it is ready', async () => {
    expect((await call('GET', '/v1/system')).body).toMatchObject({
      version: '1.2.3',
      engines: [{ state: 'ready', executionProvider: 'fixed-time', slots: 4, crashes: 0 }],
    });
    expect((await call('GET', '/v1/models')).body).toMatchObject({
      items: [{ name: 'demo', family: 'z-image', grain: 32, nativeWidth: 256, maxSide: 2048, isDefault: true }],
    });
    expect((await call('GET', '/health/live')).body).toEqual({ status: 'ok' });
    expect((await call('GET', '/health/ready')).body).toEqual({ status: 'ok' });
  });

  it('describes every route and every status in OpenAPI 3.1', async () => {
    interface Document {
      openapi: string;
      paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>;
      components: { schemas: Record<string, unknown> };
    }
    const { body } = await call<Document>('GET', '/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    const operations = Object.values(body.paths).flatMap((path) => Object.values(path));
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const { responses } of operations)
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '421', '500']));
    const names = [...JSON.stringify(body).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name);
    expect(Object.keys(body.components.schemas).sort()).toEqual([...new Set(names)].sort());
  });

  it('keeps the id that a caller gives a request, unless it could not stand in a log', async () => {
    const id = async (sent: string) =>
      (await parts.app.inject({ url: '/health/live', headers: { host, 'x-request-id': sent } })).headers[
        'x-request-id'
      ];
    expect(await id('order-17.b')).toBe('order-17.b');
    expect(await id('a b\tc')).not.toBe('a b\tc');
  });

  it('allows no other site to read it', async () => {
    const response = await parts.app.inject({ url: '/v1/models', headers: { host, origin: 'https://evil.example' } });
    expect(response.headers).not.toHaveProperty('access-control-allow-origin');
    expect(response.headers).toMatchObject({
      'cross-origin-resource-policy': 'same-origin',
      'x-frame-options': 'DENY',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
  });
});
