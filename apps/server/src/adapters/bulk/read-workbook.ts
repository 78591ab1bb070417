import { createReadStream } from 'node:fs';
import { Unzip, UnzipInflate } from 'fflate';
import { readSheet } from 'read-excel-file/node';
import type { SourceRow } from '../../application/bulk-ports.ts';
import { AppError } from '../../domain/errors.ts';
import { headerOf, rowOf, textOf } from './rows.ts';

/**
 * Rows of the first sheet of an Excel file. A workbook is an archive that has to be read as a whole, so it is unpacked
 * once into nothing before that, counting: what a small file claims to hold is not believed.
 */
export async function* readWorkbook(path: string): AsyncGenerator<SourceRow> {
  await requireBounded(path);
  let cells: readonly (readonly unknown[])[];
  try {
    cells = await readSheet(path);
  } catch (error) {
    throw new AppError('bulk_file_invalid', 'It is not a workbook that can be read (.xlsx).', { cause: error });
  }
  const [first, ...rest] = cells;
  if (first === undefined) return;
  const header = headerOf(first.map((cell) => textOf(cell) ?? ''));
  for (const [at, row] of rest.entries()) {
    const texts = header.map((_, column) => textOf(row[column]) ?? '');
    if (texts.some((text) => text !== '')) yield rowOf(header, texts, at + 2);
  }
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
    throw new AppError('bulk_file_invalid', 'It is not a workbook that can be read (.xlsx).', { cause: error });
  }
  if (!isTooMuch()) return;
  const message = `The workbook holds more than ${MAX_UNPACKED / 1e6} MB or ${MAX_ENTRIES} parts; hand it in as CSV.`;
  throw new AppError('bulk_file_invalid', message);
}

/** About 100,000 rows of ten columns. */
const MAX_UNPACKED = 200_000_000;
const MAX_ENTRIES = 2_000;
