/** Work that an engine does while nobody wants a picture; told whether that is still so. */
export type IdleTask = (isIdle: () => boolean) => Promise<void>;

/**
 * Runs tasks one after the other when the engine has had nothing to do for a while, and none when there are pictures.
 * A task that was interrupted, i.e. that ended after something came, is run again.
 */
export class IdleWork {
  readonly #pauseMs: number;
  readonly #onError: (error: unknown) => void;
  readonly #tasks: IdleTask[] = [];
  #busy = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;

  /** @param pauseMs how long nothing must have come */
  constructor(options: { readonly pauseMs: number; readonly onError: (error: unknown) => void }) {
    this.#pauseMs = options.pauseMs;
    this.#onError = options.onError;
  }

  add(task: IdleTask): void {
    this.#tasks.push(task);
    this.#schedule();
  }

  /** Something came; `end` says that it is done. */
  begin(): void {
    this.#busy += 1;
    clearTimeout(this.#timer);
  }

  end(): void {
    this.#busy -= 1;
    this.#schedule();
  }

  /** Interrupts the task that runs, and waits until it has ended, while nothing else is begun. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.begin();
    try {
      await this.#running;
      return await work();
    } finally {
      this.end();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (!this.#isIdle() || this.#tasks.length === 0 || this.#running !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
        this.#schedule();
      });
    }, this.#pauseMs);
    this.#timer.unref();
  }

  #isIdle(): boolean {
    return this.#busy === 0 && !this.#isClosed;
  }

  async #run(): Promise<void> {
    for (let task = this.#tasks[0]; task !== undefined && this.#isIdle(); task = this.#tasks[0]) {
      let wasIdle = true;
      const isIdle = (): boolean => {
        wasIdle &&= this.#isIdle();
        return wasIdle;
      };
      try {
        await task(isIdle);
      } catch (error) {
        this.#onError(error);
      }
      if (isIdle()) this.#tasks.shift();
    }
  }
}
