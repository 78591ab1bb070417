import type { EventStream, ReadEvents } from '../../../application/read-events.ts';
import { AppError } from '../../../domain/errors.ts';
import type { NumberedEvent } from '../../../domain/event.ts';
import type { GenerationId, TenantId } from '../../../domain/ids.ts';

/** Generations that requests wait for; all waits end when the server closes. */
export class Followers {
  readonly #readEvents: ReadEvents;
  readonly #open = new Set<EventStream>();
  #isClosing = false;

  constructor({ readEvents }: { readonly readEvents: ReadEvents }) {
    this.#readEvents = readEvents;
  }

  /**
   * Events of a generation until it has ended or the signal is aborted.
   * @throws AppError `shutting_down` when the server closes before
   */
  async *follow(
    { tenantId, id }: { readonly tenantId: TenantId; readonly id: GenerationId },
    signal: AbortSignal,
  ): AsyncGenerator<NumberedEvent, void, undefined> {
    let afterId = 0;
    while (!signal.aborted) {
      this.#refuseWhenClosing();
      const stream = await this.#readEvents({ tenantId, id, afterId });
      if (stream === undefined) return;
      const close = (): void => stream.close();
      signal.addEventListener('abort', close);
      this.#open.add(stream);
      try {
        for await (const event of stream) {
          afterId = event.id;
          yield event;
          if (event.type === 'generation.finished') return;
        }
      } finally {
        this.#open.delete(stream);
        signal.removeEventListener('abort', close);
        stream.close();
      }
    }
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  close(): void {
    this.#isClosing = true;
    for (const stream of this.#open) stream.close();
  }

  #refuseWhenClosing(): void {
    if (!this.#isClosing) return;
    throw new AppError(
      'shutting_down',
      'The server is shutting down. What was asked for is drawn after the next start.',
    );
  }
}
