import { type Options, SingleBar } from 'cli-progress';
import { formatBytes, formatDuration } from './format.ts';
import type { Output } from './output.ts';

/** A bar that shows a share and a text; draws nothing where nobody watches. */
export interface ProgressBar {
  update(done: number, total: number, text: string): void;
  stop(): void;
}

export function createProgressBar(output: Output): ProgressBar {
  if (!output.isInteractive) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar({ ...BAR_OPTIONS, stream: output.stderr });
  let last: { readonly done: number; readonly total: number; readonly text: string } | undefined;
  const hide = (): void => bar.stop();
  const show = (): void => {
    if (last !== undefined) bar.start(last.total, last.done, { text: last.text });
  };
  const letGo = output.keepBelow({ hide, show });
  // The bar switches line wrapping off; a process that ends in between must give it back.
  process.once('exit', hide);
  return {
    update(done, total, text) {
      const isNew = last === undefined;
      last = { done, total, text };
      if (isNew) return show();
      bar.setTotal(total);
      bar.update(done, { text });
    },
    stop() {
      letGo();
      process.off('exit', hide);
      hide();
    },
  };
}

const BAR_OPTIONS: Options = {
  format: '[{bar}] {percentage}% {text}',
  barsize: 30,
  fps: 8,
  clearOnComplete: true,
  hideCursor: false,
};

/** Speed and remaining time of a transfer, over the last few seconds. */
export class TransferRate {
  readonly #samples: { readonly atMs: number; readonly bytes: number }[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `412 MB of 33 GB, 38 MB/s, 14 min 20 s left` */
  describe(doneBytes: number, receivedBytes: number, totalBytes: number): string {
    const atMs = this.#now();
    const last = this.#samples.at(-1);
    if (last === undefined || atMs - last.atMs >= 250) this.#samples.push({ atMs, bytes: receivedBytes });
    while (this.#samples.length > 2 && atMs - (this.#samples[0]?.atMs ?? atMs) > WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0];
    const share = `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
    if (first === undefined || atMs - first.atMs < 500) return share;
    const bytesPerMs = (receivedBytes - first.bytes) / (atMs - first.atMs);
    if (bytesPerMs <= 0) return `${share}, waiting`;
    return `${share}, ${formatBytes(bytesPerMs * 1000)}/s, ${formatDuration((totalBytes - doneBytes) / bytesPerMs)} left`;
  }
}

const WINDOW_MS = 8_000;
