import { Webhook as Verifier } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createHttpSender } from '../../apps/server/src/adapters/webhooks/http-sender.ts';
import type { Parts } from '../../apps/server/src/main/compose.ts';
import type { Generation, WebhookDelivery, WebhookWithSecret } from '../../packages/api/src/index.ts';
import { issueKey } from '../support/access.ts';
import { openParts, untilReady } from '../support/server-parts.ts';
import { type ReceivedMessage, startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

let parts: Parts;
let receiver: WebhookReceiver;
beforeAll(async () => {
  receiver = await startReceiver();
  parts = await openParts({
    model: new URL('../../models/demo', import.meta.url).pathname,
    webhookAllowedHosts: ['127.0.0.1'],
    webhookRetrySeconds: [0, 0],
  });
  await untilReady(parts);
});
afterAll(async () => {
  await parts?.close();
  await receiver?.[Symbol.asyncDispose]();
});
beforeEach(() => receiver.answer(204));

function call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object, headers = {}) {
  return parts.app.inject({ method, url, headers, ...(payload && { payload }) });
}

async function create(path: string, more: object = {}): Promise<WebhookWithSecret> {
  const answer = await call('POST', '/v1/webhooks', { url: receiver.url + path, ...more });
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json();
}

async function draw(): Promise<Generation> {
  const answer = await call('POST', '/v1/generations', { prompt: 'a red apple', count: 2, width: 64, height: 64 });
  expect(answer.statusCode, answer.body).toBe(202);
  return answer.json();
}

async function deliveries(id: string): Promise<WebhookDelivery[]> {
  return (await call('GET', `/v1/webhooks/${id}/deliveries?limit=100`)).json().items;
}

/** The delivery when an attempt has been written down that fits. */
async function settled(id: string, fits: (delivery: WebhookDelivery) => boolean): Promise<WebhookDelivery> {
  for (;;) {
    const found = (await deliveries(id)).find(fits);
    if (found !== undefined) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function signed({ headers }: ReceivedMessage): Record<string, string> {
  return Object.fromEntries(
    ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [name, String(headers[name])]),
  );
}

describe('messages', () => {
  test('tell of every change of a generation, signed so that the verifier of Standard Webhooks accepts them', async () => {
    const { id, secret } = await create('/all');
    const generation = await draw();
    const last = await receiver.until(
      ({ path, body }) => path === '/hook/all' && body.includes('generation.finished') && body.includes(generation.id),
    );
    const event = new Verifier(secret).verify(last.body, signed(last)) as { data: object };
    expect(event).toMatchObject({
      type: 'generation.finished',
      data: { generationId: generation.id, state: 'succeeded' },
    });
    const pictures = () =>
      receiver.messages.filter(({ path, body }) => path === '/hook/all' && body.includes('job.succeeded'));
    // Messages go side by side: the last one may be the first to arrive.
    await expect.poll(() => pictures().length).toBe(2);
    expect(JSON.parse(pictures()[0]?.body ?? '').data.asset.url).toMatch(/^\/v1\/assets\//);
    await settled(id, ({ eventType, state }) => eventType === 'generation.finished' && state === 'delivered');
    await call('DELETE', `/v1/webhooks/${id}`);
  });

  test('are refused by the verifier when forged, changed, or replayed after their time', async () => {
    const { id, secret } = await create('/forged', { events: ['generation.finished'] });
    await call('POST', `/v1/webhooks/${id}/test`);
    const message = await receiver.until(({ path }) => path === '/hook/forged');
    const verifier = new Verifier(secret);
    const headers = signed(message);
    verifier.verify(message.body, headers);
    const other = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
    expect(() => new Verifier(other).verify(message.body, headers)).toThrow('No matching signature');
    expect(() => verifier.verify(`${message.body} `, headers)).toThrow('No matching signature');
    expect(() => verifier.verify(message.body, { ...headers, 'webhook-id': 'msg_other' })).toThrow('No matching');
    const old = String(Number(headers['webhook-timestamp']) - 400);
    expect(() => verifier.verify(message.body, { ...headers, 'webhook-timestamp': old })).toThrow('too old');
    await call('DELETE', `/v1/webhooks/${id}`);
  });

  test('are of the kinds that the endpoint asked for, and of its own tenant', async () => {
    const other = await issueKey(parts, { tenant: 'other' });
    const answer = await call('POST', '/v1/webhooks', { url: `${receiver.url}/foreign` }, other.headers);
    expect(answer.statusCode, answer.body).toBe(201);
    const { id } = await create('/kinds', { events: ['job.failed', 'generation.*'] });
    await draw();
    await settled(id, ({ eventType, state }) => eventType === 'generation.finished' && state === 'delivered');
    expect((await deliveries(id)).map(({ eventType }) => eventType)).toEqual(['generation.finished']);
    expect(receiver.messages.filter(({ path }) => path === '/hook/foreign')).toEqual([]);
    expect((await call('GET', `/v1/webhooks/${id}`, undefined, other.headers)).statusCode).toBe(404);
    expect((await call('GET', `/v1/webhooks/${id}/deliveries`, undefined, other.headers)).statusCode).toBe(404);
    expect((await call('GET', '/v1/webhooks', undefined, other.headers)).body).not.toContain(id);
    await call('DELETE', `/v1/webhooks/${id}`);
  });

  test('of a transaction that is undone are never sent', async () => {
    const { id } = await create('/undone');
    const undone = parts.store.transact(async (transaction) => {
      const base = { tenantId: 'default', generationId: 'g', at: 1 };
      await transaction.appendEvents([{ ...base, type: 'generation.finished', state: 'failed' } as never]);
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await deliveries(id)).toEqual([]);
    await call('DELETE', `/v1/webhooks/${id}`);
  });
});

describe('secrets', () => {
  test('are shown once, and both sign after a rotation until the time of the old one is over', async () => {
    const { id, secret } = await create('/rotated', { events: ['generation.finished'] });
    expect((await call('GET', `/v1/webhooks/${id}`)).body).not.toContain('whsec_');
    expect((await call('GET', '/v1/webhooks')).body).not.toContain('whsec_');
    const rotated = (await call('POST', `/v1/webhooks/${id}/rotate-secret`, { overlapHours: 1 })).json();
    expect(rotated.secret).not.toBe(secret);
    await call('POST', `/v1/webhooks/${id}/test`);
    const both = await receiver.until(({ path }) => path === '/hook/rotated');
    for (const one of [secret, rotated.secret]) new Verifier(one).verify(both.body, signed(both));

    const last = (await call('POST', `/v1/webhooks/${id}/rotate-secret`, { overlapHours: 0 })).json();
    await call('PATCH', `/v1/webhooks/${id}`, { url: `${receiver.url}/rotated-again` });
    await call('POST', `/v1/webhooks/${id}/test`);
    const alone = await receiver.until(({ path }) => path === '/hook/rotated-again');
    new Verifier(last.secret).verify(alone.body, signed(alone));
    expect(() => new Verifier(rotated.secret).verify(alone.body, signed(alone))).toThrow('No matching');
    await call('DELETE', `/v1/webhooks/${id}`);
  });
});

describe('failure', () => {
  test('is repeated with the same id, logged, and can be replayed by hand', async () => {
    receiver.answer(500);
    const { id } = await create('/failing', { events: ['generation.finished'] });
    await call('POST', `/v1/webhooks/${id}/test`);
    const failed = await settled(id, ({ state }) => state === 'failed');
    expect(failed.attempts.map(({ status, problem, response }) => ({ status, problem, response }))).toEqual(
      Array(3).fill({ status: 500, problem: 'It answered 500.', response: 'an answer' }),
    );
    const ids = receiver.messages
      .filter(({ path }) => path === '/hook/failing')
      .map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual(Array(3).fill(failed.id));

    const disabled = (await call('GET', `/v1/webhooks/${id}`)).json();
    expect(disabled).toMatchObject({ enabled: false, disabledReason: expect.stringContaining('3 attempts failed') });
    receiver.answer(200);
    await call('PATCH', `/v1/webhooks/${id}`, { enabled: true });
    expect((await call('POST', `/v1/webhooks/${id}/deliveries/${failed.id}/replay`)).statusCode).toBe(202);
    const delivered = await settled(id, ({ state }) => state === 'delivered');
    expect(delivered.attempts.map(({ status }) => status)).toEqual([500, 500, 500, 200]);
    expect((await call('POST', `/v1/webhooks/${id}/deliveries/msg_none/replay`)).json().code).toBe(
      'delivery_not_found',
    );
    await call('DELETE', `/v1/webhooks/${id}`);
  });

  test('by a redirect is a failure: it is not followed', async () => {
    receiver.answer(302, { location: `${receiver.url}/secret-place` });
    const { id } = await create('/redirecting', { events: ['generation.finished'] });
    await call('POST', `/v1/webhooks/${id}/test`);
    const failed = await settled(id, ({ state }) => state === 'failed');
    expect(failed.attempts[0]?.problem).toBe('It answered 302; redirects are not followed.');
    expect(receiver.messages.some(({ path }) => path === '/hook/secret-place')).toBe(false);
    await call('DELETE', `/v1/webhooks/${id}`);
  });

  test('with 410 disables the endpoint at once', async () => {
    receiver.answer(410);
    const { id } = await create('/gone', { events: ['generation.finished'] });
    await call('POST', `/v1/webhooks/${id}/test`);
    expect((await settled(id, ({ state }) => state === 'failed')).attempts).toHaveLength(1);
    expect((await call('GET', `/v1/webhooks/${id}`)).json().disabledReason).toContain('410');
    await call('DELETE', `/v1/webhooks/${id}`);
  });
});

describe('the guard', () => {
  const inside = [
    'https://10.0.0.1/',
    'https://192.168.1.1/',
    'https://172.20.0.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://0.0.0.0/',
    'https://2130706434/',
    'https://0x7f000002/',
    'https://0177.0.0.2/',
    'https://127.2/',
    'https://[::1]/',
    'https://[::]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:a00:1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[64:ff9b:1::1]/',
    'https://[2002:7f00:1::]/',
    'https://[fe80::1]/',
    'https://[fd00:ec2::254]/',
    'https://100.100.100.200/',
    'https://localhost/',
    'https://localhost./',
    'https://metadata.google.internal/',
    'https://printer/',
    'http://example.com/',
    'https://user:secret@example.com/',
    'file:///etc/passwd',
    'gopher://example.com/',
    'not a url',
  ];

  test.each(inside)('refuses %s when an endpoint is made', async (url) => {
    const answer = await call('POST', '/v1/webhooks', { url });
    expect(answer.statusCode).toBe(422);
    expect(answer.json().errors[0]).toMatchObject({ field: 'url', code: 'invalid_value' });
  });

  test('looks a name up when it connects, and refuses one that leads inside', async () => {
    const { port } = new URL(receiver.url);
    const url = `https://hooks.example.com:${port}/rebound`;
    const message = { url, id: 'msg_1', payload: '{}', secrets: ['whsec_AAAA'], now: 0 };
    const before = receiver.connections();
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '169.254.169.254']) {
      const addressesOf = async () => [
        { address: '203.0.114.1', family: 4 },
        { address, family: address.includes(':') ? 6 : 4 },
      ];
      const sender = createHttpSender({ allowedHosts: [], timeoutMs: 5_000, userAgent: 'test', addressesOf });
      expect(sender.problemOf(url)).toBeUndefined();
      const problem = `hooks.example.com has the address ${address}, which is not of the public internet.`;
      expect(await sender.send(message, new AbortController().signal)).toMatchObject({ status: undefined, problem });
    }
    expect(receiver.connections()).toBe(before);
  });

  test('ends an answer that does not end', async () => {
    const sender = createHttpSender({ allowedHosts: ['127.0.0.1'], timeoutMs: 5_000, userAgent: 'test' });
    const message = { id: 'msg_1', payload: '{}', secrets: ['whsec_AAAA'], now: 0 };
    const outcome = await sender.send({ ...message, url: `${receiver.url}?endless` }, new AbortController().signal);
    expect(outcome.status).toBe(200);
    expect(outcome.response).toHaveLength(1_000);
    const brief = createHttpSender({ allowedHosts: ['127.0.0.1'], timeoutMs: 50, userAgent: 'test' });
    const silent = await brief.send({ ...message, url: `${receiver.url}?silent` }, new AbortController().signal);
    expect(silent).toMatchObject({ status: undefined, problem: 'There was no answer within 0.05 s.' });
  });

  test('lets a public address pass', () => {
    const sender = createHttpSender({ allowedHosts: [], timeoutMs: 5_000, userAgent: 'test' });
    for (const host of ['example.com', '8.8.8.8', '[2606:4700::1111]', '[::ffff:8.8.8.8]', '[64:ff9b::808:808]']) {
      expect(sender.problemOf(`https://${host}/hook`)).toBeUndefined();
    }
  });
});

test('a tenant has a bounded number of endpoints', async () => {
  const made: string[] = [];
  for (;;) {
    const answer = await call('POST', '/v1/webhooks', { url: `${receiver.url}/many` });
    if (answer.statusCode !== 201) {
      expect(answer.json().code).toBe('webhook_limit_reached');
      break;
    }
    made.push(answer.json().id);
  }
  expect(made).toHaveLength(20);
  for (const id of made) expect((await call('DELETE', `/v1/webhooks/${id}`)).statusCode).toBe(204);
});
