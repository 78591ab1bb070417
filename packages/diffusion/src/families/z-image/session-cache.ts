import type { Session } from '../../runtime.ts';

/** Sessions of one part of the model by key: opened when first asked for; one that failed to open is tried again. */
export class SessionCache {
  readonly #sessions: Map<string, Promise<Session>> = new Map();

  get(key: string, open: () => Promise<Session>): Promise<Session> {
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const opening = open();
    this.#sessions.set(key, opening);
    opening.catch(() => {
      if (this.#sessions.get(key) === opening) this.#sessions.delete(key);
    });
    return opening;
  }

  /** Releases every session that was opened, also when releasing one of them fails. */
  async release(): Promise<void> {
    const opened = await Promise.allSettled(this.#sessions.values());
    this.#sessions.clear();
    const released = await Promise.allSettled(
      opened.map((session) => (session.status === 'fulfilled' ? session.value.release() : undefined)),
    );
    for (const result of released) if (result.status === 'rejected') throw result.reason;
  }
}
