import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { readExport } from '../support/otlp.ts';
import { openParts, untilReady } from '../support/server-parts.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;
const model = fileURLToPath(new URL('../../models/demo', import.meta.url));
const opened: (() => PromiseLike<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function collector(): Promise<WebhookReceiver> {
  const receiver = await startReceiver();
  opened.push(() => receiver[Symbol.asyncDispose]());
  return receiver;
}

async function draw(parts: Opened, body: object): Promise<string> {
  await untilReady(parts);
  const finished = new Promise<void>((resolve) => {
    const stop = parts.store.onStored((event) => {
      if (event.type !== 'generation.finished') return;
      stop();
      resolve();
    });
  });
  const payload = { prompt: 'a very secret prompt', width: 64, height: 64, steps: 2, ...body };
  const headers = { 'x-request-id': 'request-7' };
  const answer = await parts.app.inject({ method: 'POST', url: '/v1/generations', headers, payload });
  await finished;
  return answer.json<{ id: string }>().id;
}

describe('traces', () => {
  it('go from the request over the queue to the attempt and the phases of the engine, as OpenTelemetry defines them', async () => {
    const { url, messages } = await collector();
    const traces = { traceUrl: url, traceHeaders: { 'x-key': 'k' } };
    const parts = await openParts({ model, device: 'cpu', calibrate: false, ...traces });
    const id = await draw(parts, { count: 2, negativePrompt: 'a secret frog', guidanceScale: 2 });
    await parts.close();
    expect(messages[0]?.headers).toMatchObject({ 'content-type': 'application/json', 'x-key': 'k' });
    const spans = messages.flatMap(({ body }) => readExport(body));
    const named = (name: string) => spans.filter((span) => span.name === name);
    const [root] = named('generation');
    const [request] = named('POST /v1/generations');
    expect(root).toMatchObject({
      ...{ parentSpanId: '', kind: 'SPAN_KIND_INTERNAL', status: 'STATUS_CODE_OK' },
      attributes: { 'imagemill.generation.id': id, 'imagemill.generation.state': 'succeeded' },
    });
    expect(request).toMatchObject({
      ...{ parentSpanId: root?.spanId, kind: 'SPAN_KIND_SERVER' },
      attributes: {
        'http.request.method': 'POST',
        'http.response.status_code': 202,
        'imagemill.request.id': 'request-7',
      },
    });
    for (const name of ['queue', 'attempt']) {
      expect(named(name).map(({ parentSpanId }) => parentSpanId)).toEqual([root?.spanId, root?.spanId]);
    }
    const attempts = named('attempt');
    for (const { attributes } of attempts) {
      expect(attributes).toMatchObject({
        ...{ 'imagemill.attempt': 1, 'imagemill.attempt.outcome': 'succeeded', 'imagemill.steps': 2 },
        ...{ 'imagemill.device.seconds': expect.any(Number), 'imagemill.device.decode_seconds': expect.any(Number) },
      });
      expect(attributes['imagemill.batch.mean']).toBeGreaterThanOrEqual(1);
    }
    for (const name of ['engine.encode', 'engine.denoise', 'engine.decode']) {
      expect(
        named(name)
          .map(({ parentSpanId }) => parentSpanId)
          .sort(),
      ).toEqual(attempts.map(({ spanId }) => spanId).sort());
    }
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    for (const span of spans) {
      expect(span).toMatchObject({
        ...{ traceId: id.replaceAll('-', ''), scope: 'imagemill' },
        resource: { 'service.name': 'imagemill', 'service.version': '1.2.3' },
      });
      expect(span.end).toBeGreaterThanOrEqual(span.start);
    }
    expect(messages.map(({ body }) => body).join()).not.toContain('secret');
  });

  it('of a failed attempt say so by the code of the error', async () => {
    const { url, messages } = await collector();
    const noMemory = { memoryReserveBytes: 1_099_511_627_776, maxAttempts: 1 };
    const parts = await openParts({ model, device: 'cpu', calibrate: false, traceUrl: url, ...noMemory });
    await draw(parts, {});
    await parts.close();
    const spans = messages.flatMap(({ body }) => readExport(body));
    const failed = spans.filter(({ status }) => status === 'STATUS_CODE_ERROR');
    expect(failed.map(({ name, attributes }) => [name, attributes['error.type']]).sort()).toEqual([
      ['attempt', 'out_of_memory'],
      ['generation', 'failed'],
    ]);
  });

  it('are not made unless a collector is named, and none of a share of 0', async () => {
    const { url, messages } = await collector();
    for (const settings of [{}, { traceUrl: url, traceRatio: 0 }]) {
      const parts = await openParts({ model, ...settings });
      await draw(parts, {});
      await parts.close();
    }
    expect(messages).toEqual([]);
  });

  it('whose collector is down are dropped and counted; pictures are drawn all the same', async () => {
    const { url, [Symbol.asyncDispose]: stop } = await startReceiver();
    await stop();
    const parts = await openParts({ model, traceUrl: url });
    await draw(parts, {});
    const lost = /imagemill_trace_spans_total\{outcome="lost"\} [1-9]/;
    while (!lost.test(await parts.metrics.read())) await new Promise((resolve) => setTimeout(resolve, 50));
    await parts.close();
  });
});
