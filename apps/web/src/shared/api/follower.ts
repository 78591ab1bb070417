import type { GenerationEvent } from '@imagemill/api';
import type { Client } from '@imagemill/api/client';

export interface FollowerOptions {
  readonly events: Client['events'];
  readonly onEvent: (event: GenerationEvent) => void;
  readonly onConnection: (generationId: string, state: 'open' | 'lost') => void;
  /** The stream ended for good: the generation is finished, or (with an error) the server does not know it. */
  readonly onEnd: (generationId: string, error?: unknown) => void;
}

/** Keeps one event stream open for every generation that is wanted, and resumes where it stopped. */
export interface Follower {
  /** Opens the streams that are new in the list and closes those that are not in it. */
  follow(generationIds: readonly string[]): void;
}

/**
 * Streams that a page may hold open at once. A browser allows six connections to a server over HTTP/1.1, shared by all
 * tabs: more streams would starve the requests beside them.
 */
export const maxStreams = 3;

export function createFollower(options: FollowerOptions): Follower {
  const streams = new Map<string, AbortController>();
  const positions = new Map<string, number>();
  const ended = new Set<string>();

  async function run(id: string, signal: AbortSignal): Promise<void> {
    try {
      const lastEventId = positions.get(id);
      const onConnection = (state: 'open' | 'lost'): void => options.onConnection(id, state);
      for await (const event of options.events(id, { signal, lastEventId, onConnection })) {
        if (signal.aborted) return;
        positions.set(id, event.id);
        options.onEvent(event);
      }
      end(id);
    } catch (error) {
      if (!signal.aborted) end(id, error);
    }
  }

  function end(id: string, error?: unknown): void {
    streams.delete(id);
    positions.delete(id);
    ended.add(id);
    options.onEnd(id, error);
  }

  return {
    follow(generationIds) {
      const wanted = new Set(generationIds.filter((id) => !ended.has(id)).slice(0, maxStreams));
      for (const [id, controller] of streams) {
        if (wanted.has(id)) continue;
        streams.delete(id);
        controller.abort();
      }
      for (const id of wanted) {
        if (streams.has(id)) continue;
        const controller = new AbortController();
        streams.set(id, controller);
        void run(id, controller.signal);
      }
    },
  };
}
