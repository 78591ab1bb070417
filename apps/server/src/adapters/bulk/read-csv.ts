import type { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { SourceRow } from '../../application/bulk-ports.ts';
import { AppError } from '../../domain/errors.ts';
import { headerOf, MAX_RECORD, rowOf } from './rows.ts';
import { asUtf8, type Encoding, hasMarkOfUtf16 } from './text-encoding.ts';

/**
 * Rows of a CSV file with a header; the separator is the commonest of `,`, `;` and tab in it. RFC 4180, but a quote
 * within a cell without quotes (`a 19" screen`) is a letter of it, and rows of empty cells are none.
 */
export async function* readCsv(bytes: Readable, encoding: Encoding = 'utf-8'): AsyncGenerator<SourceRow> {
  const chunks = asUtf8(bytes, encoding);
  const first = await chunks.next();
  const start = first.done === true ? Buffer.alloc(0) : first.value;
  // No text has that byte but one of UTF-16, which begins with a mark.
  if (start.includes(0) && !hasMarkOfUtf16(start)) {
    bytes.destroy();
    throw new AppError('bulk_file_invalid', 'It is not CSV: it is no text.');
  }
  const options = {
    ...{ bom: true, info: true, relax_column_count: true, relax_quotes: true, max_record_size: MAX_RECORD },
    ...{ skip_empty_lines: true, skip_records_with_empty_values: true },
    delimiter: delimiterOf(start.toString('utf8').split('\n', 1)[0] ?? ''),
  };
  const parser = parse(options);
  void feed(parser, start, chunks);
  let header: readonly string[] | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (header === undefined) header = headerOf(record);
      else yield rowOf(header, record, info.lines);
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Beyond such a place it is not known where a row begins.
    if (header === undefined) throw new AppError('bulk_file_invalid', `It is not CSV: ${error.message}`);
    const message = `The rest of the file cannot be read: ${error.message}.`;
    yield { line: Number(error['lines'] ?? 0), problem: { code: 'rest_unreadable', message } };
  } finally {
    bytes.destroy();
  }
}

async function feed(parser: ReturnType<typeof parse>, start: Buffer, rest: AsyncIterator<Buffer>): Promise<void> {
  try {
    let chunk: Buffer | undefined = start;
    while (chunk !== undefined) {
      if (!parser.write(chunk)) await drained(parser);
      if (parser.destroyed) return;
      const next: IteratorResult<Buffer> = await rest.next();
      chunk = next.done === true ? undefined : next.value;
    }
    parser.end();
  } catch (error) {
    parser.destroy(error as Error);
  }
}

function drained(parser: ReturnType<typeof parse>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      parser.off('drain', done).off('close', done);
      resolve();
    };
    parser.on('drain', done).on('close', done);
  });
}

function delimiterOf(header: string): string {
  const count = (letter: string): number => header.split(letter).length;
  return [',', ';', '\t'].reduce((best, letter) => (count(letter) > count(best) ? letter : best));
}
