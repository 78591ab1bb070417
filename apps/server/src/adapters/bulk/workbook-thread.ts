/**
 * Reads the first sheet of a workbook in a thread of its own, whose memory is bounded: the cells of a sheet stand in
 * memory as a whole, and a file of a kilobyte can name a cell in the last row and column. `read-workbook.ts` starts it
 * and asks for rows, some at a time.
 */

import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { readSheet } from 'read-excel-file/universal';
import { textOf } from './rows.ts';

/** Some rows; none after the last. */
export type ThreadAnswer =
  | { readonly rows: readonly (readonly string[])[] }
  | { readonly problem: 'unreadable'; readonly reason: string };

const cells = readFile(workerData as string)
  .then((bytes) => readSheet(new Blob([bytes])))
  .then(
    (sheet) => ({ sheet: sheet as readonly (readonly unknown[])[] }),
    (error: unknown) => ({ reason: error instanceof Error ? error.message : String(error) }),
  );
let at = 0;

async function answer(): Promise<ThreadAnswer> {
  const read = await cells;
  if ('reason' in read) return { problem: 'unreadable', reason: read.reason };
  const some = read.sheet.slice(at, at + ROWS_AT_ONCE);
  at += some.length;
  return { rows: some.map((row) => row.map((cell) => textOf(cell) ?? '')) };
}

parentPort?.on('message', () => {
  void answer().then((found) => parentPort?.postMessage(found));
});

const ROWS_AT_ONCE = 1_000;
