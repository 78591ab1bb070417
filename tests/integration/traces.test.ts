import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { openParts, untilReady } from '../support/server-parts.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;
const model = fileURLToPath(new URL('../../models/demo', import.meta.url));
const opened: (() => PromiseLike<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number };
}

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
  it('go from the request over the queue to the attempt and the phases of the engine, without the prompt', async () => {
    const { url, messages } = await collector();
    const parts = await openParts({
      model,
      device: 'cpu',
      calibrate: false,
      traceUrl: url,
      traceHeaders: { 'x-key': 'k' },
    });
    const id = await draw(parts, { count: 2 });
    await parts.close();
    const text = messages.map(({ body }) => body).join();
    expect(text).not.toContain('secret');
    expect(messages[0]?.headers).toMatchObject({ 'content-type': 'application/json', 'x-key': 'k' });
    const spans = messages.flatMap(({ body }) => {
      const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
      return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
    });
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([id.replaceAll('-', '')]));
    const named = (name: string): Span[] => spans.filter((span) => span.name === name);
    const [root] = named('generation');
    expect(root?.parentSpanId).toBeUndefined();
    expect(named('POST /v1/generations')).toHaveLength(1);
    expect(text).toContain('request-7');
    for (const name of ['queue', 'attempt']) {
      expect(named(name).map(({ parentSpanId }) => parentSpanId)).toEqual([root?.spanId, root?.spanId]);
    }
    const attempts = named('attempt').map(({ spanId }) => spanId);
    for (const name of ['engine.encode', 'engine.denoise', 'engine.decode']) {
      expect(new Set(named(name).map(({ parentSpanId }) => parentSpanId))).toEqual(new Set(attempts));
    }
    for (const { startTimeUnixNano, endTimeUnixNano } of spans) {
      expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
    }
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
