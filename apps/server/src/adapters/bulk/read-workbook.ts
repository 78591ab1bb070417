import { createReadStream } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { Unzip, UnzipInflate } from 'fflate';
import type { SourceRow } from '../../application/bulk-ports.ts';
import { AppError } from '../../domain/errors.ts';
import { headerOf, rowOf } from './rows.ts';
import type { ThreadAnswer } from './workbook-thread.ts';

/**
 * Rows of the first sheet of an Excel file. A workbook is an archive that has to be read as a whole, so it is unpacked
 * once into nothing before that, counting: what a small file claims to hold is not believed. Then a thread with bounded
 * memory and time reads it.
 */
export async function* readWorkbook(path: string): AsyncGenerator<SourceRow> {
  await requireBounded(path);
  const thread = openThread(path);
  let header: readonly string[] | undefined;
  let line = 0;
  try {
    for (let rows = await inTurn(() => thread.first()); rows.length > 0; rows = await thread.next()) {
      for (const cells of rows) {
        line += 1;
        if (header === undefined) {
          header = headerOf(cells);
          continue;
        }
        const texts = header.map((_, column) => cells[column] ?? '');
        if (texts.some((text) => text !== '')) yield rowOf(header, texts, line);
      }
    }
  } finally {
    await thread.close();
  }
}

/** One sheet is parsed at a time: that is what takes memory. */
function inTurn<T>(parse: () => Promise<T>): Promise<T> {
  const turn = parsing.then(parse);
  parsing = turn.catch(() => undefined);
  return turn;
}
let parsing: Promise<unknown> = Promise.resolve();

interface Thread {
  /** Reads the sheet; as `next`. */
  first(): Promise<readonly (readonly string[])[]>;
  /** Some rows; none after the last. @throws AppError `bulk_file_invalid` */
  next(): Promise<readonly (readonly string[])[]>;
  close(): Promise<unknown>;
}

function openThread(path: string): Thread {
  let worker: Worker | undefined;
  let ended: Promise<never> | undefined;
  const next = async (): Promise<readonly (readonly string[])[]> => {
    if (worker === undefined || ended === undefined) return [];
    const answer = new Promise<ThreadAnswer>((resolve) => worker?.once('message', resolve));
    worker.postMessage('next');
    const found = await Promise.race([answer, ended]);
    if ('problem' in found) throw unreadable(found.reason);
    return found.rows;
  };
  return {
    async first() {
      const made = new Worker(THREAD, { workerData: path, resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB } });
      worker = made;
      ended = endOf(made);
      const timer = setTimeout(() => void made.terminate(), MAX_READ_MS);
      return next().finally(() => clearTimeout(timer));
    },
    next,
    close: async () => worker?.terminate(),
  };
}

/** Rejects when the thread has no more memory, no more time, or met a fault. */
function endOf(worker: Worker): Promise<never> {
  const ended = new Promise<never>((_, reject) => {
    worker.once('error', (error) => {
      const isFull = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
      reject(isFull ? tooLarge(error) : unreadable(error));
    });
    worker.once('exit', () => reject(tooLarge()));
  });
  ended.catch(() => undefined);
  return ended;
}

function unreadable(cause?: unknown): AppError {
  return new AppError('bulk_file_invalid', 'It is not a workbook that can be read (.xlsx).', { cause });
}

function tooLarge(cause?: unknown): AppError {
  const message = 'The workbook holds more cells than are read; hand it in as CSV.';
  return new AppError('bulk_file_invalid', message, { cause });
}

/** @throws AppError `bulk_file_invalid` */
async function requireBounded(path: string): Promise<void> {
  let unpacked = 0;
  let entries = 0;
  const unzip = new Unzip((entry) => {
    entries += 1;
    entry.ondata = (error, chunk) => {
      if (error !== null) throw error;
      unpacked += chunk.length;
    };
    // What an entry says of itself is believed when it says too much.
    unpacked += (entry.originalSize ?? 0) > MAX_UNPACKED ? MAX_UNPACKED + 1 : 0;
    if (unpacked <= MAX_UNPACKED) entry.start();
  });
  unzip.register(UnzipInflate);
  const isTooMuch = (): boolean => unpacked > MAX_UNPACKED || entries > MAX_ENTRIES;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 16_384 })) {
      unzip.push(chunk as Buffer);
      if (isTooMuch()) break;
    }
    if (!isTooMuch()) unzip.push(new Uint8Array(), true);
  } catch (error) {
    throw unreadable(error);
  }
  if (!isTooMuch()) return;
  const message = `The workbook holds more than ${MAX_UNPACKED / 1e6} MB or ${MAX_ENTRIES} parts; hand it in as CSV.`;
  throw new AppError('bulk_file_invalid', message);
}

/** About 100,000 rows of ten columns. */
const MAX_UNPACKED = 200_000_000;
const MAX_ENTRIES = 2_000;
/** A million filled cells take about 300. */
const MAX_HEAP_MB = 1_000;
const MAX_READ_MS = 60_000;
const THREAD = new URL('./workbook-thread.ts', import.meta.url);
