import type { GenerationEvent } from '@imagemill/api';
import type { ReadEventsOptions } from '@imagemill/api/client';
import { describe, expect, test } from 'vitest';
import { createFollower, maxStreams } from './follower.ts';

/** Streams that the test feeds by hand. */
function handFedStreams() {
  interface Stream {
    readonly id: string;
    readonly options: ReadEventsOptions;
    send(event: GenerationEvent): Promise<void>;
    end(error?: unknown): Promise<void>;
  }
  const opened: Stream[] = [];

  async function* read(id: string, options: ReadEventsOptions): AsyncGenerator<GenerationEvent> {
    let deliver = Promise.withResolvers<GenerationEvent | undefined>();
    let taken = Promise.withResolvers<void>();
    const settle = async (act: () => void): Promise<void> => {
      act();
      await taken.promise;
    };
    opened.push({
      id,
      options,
      send: (event) => settle(() => deliver.resolve(event)),
      end: (error) => settle(() => (error === undefined ? deliver.resolve(undefined) : deliver.reject(error))),
    });
    options.signal?.addEventListener('abort', () => deliver.reject(options.signal?.reason));
    try {
      while (true) {
        const event = await deliver.promise;
        if (event === undefined) return;
        deliver = Promise.withResolvers();
        yield event;
        taken.resolve();
        taken = Promise.withResolvers();
      }
    } finally {
      taken.resolve();
    }
  }
  return { opened, events: (id: string, options: ReadEventsOptions = {}) => read(id, options) };
}

const step = (generationId: string, id: number): GenerationEvent => ({
  id,
  generationId,
  at: '2026-11-22T12:00:00.000Z',
  type: 'job.step',
  jobId: 'job-0',
  index: 0,
  attempt: 1,
  step: id,
  steps: 8,
});

function start() {
  const streams = handFedStreams();
  const seen: number[] = [];
  const ends: unknown[] = [];
  const follower = createFollower({
    events: streams.events,
    onEvent: (event) => seen.push(event.id),
    onConnection: () => undefined,
    onEnd: (id, error) => ends.push(error === undefined ? id : [id, error]),
  });
  return { streams, seen, ends, follower };
}

describe('following generations', () => {
  test('opens one stream a generation and passes its events on', async () => {
    const { streams, seen, follower } = start();
    follower.follow(['a']);
    follower.follow(['a']);
    expect(streams.opened.map((stream) => stream.id)).toEqual(['a']);
    await streams.opened[0]!.send(step('a', 1));
    await streams.opened[0]!.send(step('a', 2));
    expect(seen).toEqual([1, 2]);
  });

  test('holds no more streams than a browser can spare, and opens the next when one has ended', async () => {
    const { streams, ends, follower } = start();
    const wanted = ['a', 'b', 'c', 'd', 'e'];
    follower.follow(wanted);
    expect(streams.opened).toHaveLength(maxStreams);
    await streams.opened[0]!.end();
    follower.follow(wanted);
    expect(ends).toEqual(['a']);
    expect(streams.opened.map((stream) => stream.id)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('a generation that is no longer wanted is let go, and resumed after the last event when wanted again', async () => {
    const { streams, seen, ends, follower } = start();
    follower.follow(['a']);
    await streams.opened[0]!.send(step('a', 7));
    follower.follow([]);
    expect(streams.opened[0]!.options.signal?.aborted).toBe(true);
    follower.follow(['a']);
    expect(streams.opened[1]!.options.lastEventId).toBe(7);
    await streams.opened[1]!.send(step('a', 8));
    expect(seen).toEqual([7, 8]);
    expect(ends).toEqual([]);
  });

  test('a generation that the server does not know is reported once and not asked for again', async () => {
    const { streams, ends, follower } = start();
    const unknown = new Error('no such generation');
    follower.follow(['a']);
    await streams.opened[0]!.end(unknown);
    follower.follow(['a']);
    expect(ends).toEqual([['a', unknown]]);
    expect(streams.opened).toHaveLength(1);
  });
});
