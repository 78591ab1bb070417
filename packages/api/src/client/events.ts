import type { GenerationEvent } from '../contracts/event.ts';
import { ApiError, errorFromFailure, errorFromResponse } from './api-error.ts';
import { readMessages } from './event-stream.ts';

export interface ReadEventsOptions {
  readonly signal?: AbortSignal | undefined;
  /** Start after this event. @default from the first */
  readonly lastEventId?: number | undefined;
  /** Told when the stream is open and when it was lost and is being opened again. */
  readonly onConnection?: ((state: 'open' | 'lost', error?: unknown) => void) | undefined;
  /** A stream that sends nothing for this long, not even a comment, is opened again. @default 45000 */
  readonly idleTimeoutMs?: number | undefined;
}

export interface EventSourceOptions extends ReadEventsOptions {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Events of one generation until it has ended. A stream that breaks is resumed after the last event seen, with pauses
 * from 0.5 s to 8 s, for as long as it takes; stop it with `signal`.
 *
 * @throws ApiError for an answer 4xx, e.g. an unknown generation; the signal's reason after an abort.
 */
export async function* readEvents(options: EventSourceOptions): AsyncGenerator<GenerationEvent, void, undefined> {
  const position: Position = { lastEventId: options.lastEventId, hasEnded: false };
  let pauseMs = FIRST_PAUSE_MS;
  while (true) {
    let error: unknown;
    try {
      for await (const event of readOnce(options, position)) {
        pauseMs = FIRST_PAUSE_MS;
        yield event;
      }
    } catch (caught) {
      if (!(caught instanceof ApiError) || (caught.status >= 400 && caught.status < 500)) throw caught;
      error = caught;
    }
    if (position.hasEnded) return;
    options.onConnection?.('lost', error);
    await pause(pauseMs, options.signal);
    pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS);
  }
}

interface Position {
  lastEventId: number | undefined;
  hasEnded: boolean;
}

async function* readOnce(
  options: EventSourceOptions,
  position: Position,
): AsyncGenerator<GenerationEvent, void, undefined> {
  const { signal } = options;
  const connection = new AbortController();
  const stop = (): void => connection.abort(signal?.reason);
  const watchdog = idleWatchdog(options.idleTimeoutMs ?? 45_000, () =>
    connection.abort(new Error('the event stream fell silent')),
  );
  signal?.addEventListener('abort', stop, { once: true });
  try {
    signal?.throwIfAborted();
    const headers: Record<string, string> = { ...options.headers, accept: 'text/event-stream' };
    if (position.lastEventId !== undefined) headers['last-event-id'] = String(position.lastEventId);
    const response = await options.fetch(options.url, { headers, signal: connection.signal, cache: 'no-store' });
    if (!response.ok) throw await errorFromResponse(response);
    // 204: the generation has ended and every event was seen.
    if (response.status === 204 || response.body === null) {
      position.hasEnded = true;
      return;
    }
    options.onConnection?.('open');
    for await (const message of readMessages(response.body)) {
      watchdog.reset();
      if (message.kind === 'comment' || message.data === '') continue;
      const event = JSON.parse(message.data) as GenerationEvent;
      position.lastEventId = event.id;
      position.hasEnded = event.type === 'generation.finished';
      yield event;
      // The server ends the stream after the last end: jobs that were redriven make a generation go on after one.
    }
  } catch (error) {
    throw error instanceof ApiError ? error : errorFromFailure(error, signal);
  } finally {
    watchdog.stop();
    signal?.removeEventListener('abort', stop);
    connection.abort();
  }
}

function idleWatchdog(timeoutMs: number, onSilence: () => void): { reset(): void; stop(): void } {
  let timer = setTimeout(onSilence, timeoutMs);
  return {
    reset() {
      clearTimeout(timer);
      timer = setTimeout(onSilence, timeoutMs);
    },
    stop: () => clearTimeout(timer),
  };
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted === true) stop();
  });
}

const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 8_000;
