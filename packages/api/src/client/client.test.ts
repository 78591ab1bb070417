import { describe, expect, it } from 'vitest';
import type { GenerationEvent } from '../contracts/event.ts';
import { ApiError } from './api-error.ts';
import { createClient } from './client.ts';
import { readMessages } from './event-stream.ts';

type Handler = (request: Request) => Response | Promise<Response>;

/** A client over a function in place of the network. */
function clientOver(handler: Handler) {
  const requests: Request[] = [];
  const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    requests.push(request);
    return handler(request);
  };
  return { client: createClient({ baseUrl: 'http://mill.test', fetch, headers: { 'x-a': 'b' } }), requests };
}

const json = (value: unknown, status = 200): Response => new Response(JSON.stringify(value), { status });

describe('a call of the client', () => {
  it('sends what the API expects and gives the answer', async () => {
    const { client, requests } = clientOver(() => json({ id: 'g1' }, 202));
    expect(await client.submitGeneration({ prompt: 'a boat', steps: 3 })).toEqual({ id: 'g1' });
    const [request] = requests;
    expect([request?.method, request?.url, request?.headers.get('content-type'), request?.headers.get('x-a')]).toEqual([
      ...['POST', 'http://mill.test/v1/generations', 'application/json', 'b'],
    ]);
    expect(await request?.json()).toEqual({ prompt: 'a boat', steps: 3 });
  });

  it.each([
    ['getGeneration', 'GET', '/v1/generations/a%2Fb'],
    ['cancelGeneration', 'POST', '/v1/generations/a%2Fb/cancel'],
    ['getJob', 'GET', '/v1/jobs/a%2Fb'],
    ['cancelJob', 'POST', '/v1/jobs/a%2Fb/cancel'],
  ] as const)('%s goes to its route with the id escaped', async (name, method, path) => {
    const { client, requests } = clientOver(() => json({}));
    await client[name]('a/b');
    expect([requests[0]?.method, requests[0]?.url]).toEqual([method, `http://mill.test${path}`]);
  });

  it('names the request by its idempotency key, and steers the queue', async () => {
    const { client, requests } = clientOver(() => json({}));
    await client.submitGeneration({ prompt: 'a boat' }, { idempotencyKey: 'k1' });
    await client.setJobPriority('a/b', 'bulk');
    await client.redriveJob('a/b');
    await client.getQueue();
    await client.pauseQueue();
    await client.resumeQueue();
    await client.listDeadLetters({ code: 'engine_crashed' });
    await client.redriveDeadLetters();
    expect(requests[0]?.headers.get('idempotency-key')).toBe('k1');
    expect(requests.slice(1).map(({ method, url }) => `${method} ${url.slice('http://mill.test/v1'.length)}`)).toEqual([
      ...['POST /jobs/a%2Fb/priority', 'POST /jobs/a%2Fb/redrive', 'GET /queue', 'POST /queue/pause'],
      ...['POST /queue/resume', 'GET /dead-letters?code=engine_crashed', 'POST /dead-letters/redrive'],
    ]);
    expect(await requests[1]?.json()).toEqual({ priority: 'bulk' });
    expect(await requests.at(-1)?.json()).toEqual({});
  });

  it('leaves out what a query does not say', async () => {
    const { client, requests } = clientOver(() => json({ items: [] }));
    await client.listGenerations();
    await client.listGenerations({ limit: 5, state: 'failed', cursor: undefined });
    expect(requests.map(({ url }) => new URL(url).search)).toEqual(['', '?limit=5&state=failed']);
  });

  it('throws the problem that the server answered', async () => {
    const problem = { code: 'disk_full', detail: 'No room.', status: 507, retryable: true };
    const { client } = clientOver(() => json(problem, 507));
    const error = await client.listModels().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 507, code: 'disk_full', message: 'No room.', retryable: true, problem });
  });

  it('says so when an answer is not of Imagemill', async () => {
    const { client } = clientOver(() => new Response('<h1>Bad Gateway</h1>', { status: 502 }));
    await expect(client.getSystem()).rejects.toMatchObject({ status: 502, code: 'unexpected_answer', retryable: true });
  });

  it('says so when there is no answer', async () => {
    const { client } = clientOver(() => {
      throw new TypeError('fetch failed');
    });
    await expect(client.getSystem()).rejects.toMatchObject({ status: 0, code: 'unreachable', retryable: true });
  });

  it('passes on the reason of an abort', async () => {
    const stop = new AbortController();
    const { client } = clientOver(async () => {
      stop.abort(new Error('left the page'));
      throw new DOMException('aborted', 'AbortError');
    });
    await expect(client.getSystem({ signal: stop.signal })).rejects.toThrow('left the page');
  });
});

const event = (id: number, type = 'job.step'): string =>
  `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ id, type })}\n\n`;
const stream = (...texts: string[]): Response =>
  new Response(ReadableStream.from(texts.map((text) => new TextEncoder().encode(text))));

async function collect(events: AsyncIterable<GenerationEvent>): Promise<number[]> {
  const ids: number[] = [];
  for await (const { id } of events) ids.push(id);
  return ids;
}

describe('the events of the client', () => {
  it('end with the generation', async () => {
    const { client } = clientOver(() => stream(event(1), ': alive\n\n', event(2, 'generation.finished')));
    expect(await collect(client.events('g'))).toEqual([1, 2]);
  });

  it('go on after the last one seen when the stream breaks', async () => {
    let call = 0;
    const states: string[] = [];
    const { client, requests } = clientOver(() => {
      call += 1;
      if (call === 2) throw new TypeError('connection refused');
      return call === 1 ? stream(event(1), event(2)) : stream(event(3, 'generation.finished'));
    });
    expect(await collect(client.events('g', { onConnection: (state) => states.push(state) }))).toEqual([1, 2, 3]);
    expect(requests.map(({ headers }) => headers.get('last-event-id'))).toEqual([null, '2', '2']);
    expect(states).toEqual(['open', 'lost', 'lost', 'open']);
  });

  it('end at once when nothing comes after the one named', async () => {
    const { client, requests } = clientOver(() => new Response(null, { status: 204 }));
    expect(await collect(client.events('g', { lastEventId: 9 }))).toEqual([]);
    expect(requests[0]?.headers.get('last-event-id')).toBe('9');
  });

  it('fail for a generation that is not there, without trying again', async () => {
    const { client, requests } = clientOver(() =>
      json({ code: 'generation_not_found', detail: 'No.', status: 404 }, 404),
    );
    await expect(collect(client.events('g'))).rejects.toMatchObject({ code: 'generation_not_found' });
    expect(requests).toHaveLength(1);
  });

  it('open a silent stream again', async () => {
    let call = 0;
    const { client } = clientOver((request) => {
      call += 1;
      if (call > 1) return stream(event(2, 'generation.finished'));
      const silent = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(event(1)));
          request.signal.addEventListener('abort', () => controller.error(request.signal.reason));
        },
      });
      return new Response(silent);
    });
    expect(await collect(client.events('g', { idleTimeoutMs: 20 }))).toEqual([1, 2]);
  });

  it('stop with the signal, also in the pause before another try', async () => {
    const stop = new AbortController();
    const { client } = clientOver(() => stream());
    const reading = collect(
      client.events('g', {
        signal: stop.signal,
        onConnection: (state) => state === 'lost' && stop.abort(new Error('enough')),
      }),
    );
    await expect(reading).rejects.toThrow('enough');
  });
});

describe('the parser of event streams', () => {
  it('reads messages however they are cut into pieces', async () => {
    const text = ': hello\r\n\r\nid: 7\nevent: a\ndata: é1\ndata:  2\n\ndata\n\nid: 8\ndata: cut off';
    const bytes = new TextEncoder().encode(text);
    for (const size of [1, 2, 3, 5, bytes.length]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.slice(i * size, (i + 1) * size),
      );
      const messages: unknown[] = [];
      for await (const message of readMessages(ReadableStream.from(pieces))) messages.push(message);
      expect(messages).toEqual([
        { kind: 'comment', id: undefined, event: '', data: 'hello' },
        { kind: 'message', id: '7', event: 'a', data: 'é1\n 2' },
        { kind: 'message', id: undefined, event: 'message', data: '' },
      ]);
    }
  });
});
