import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { SourceRow } from '../../application/bulk-ports.ts';
import type { RowProblem } from '../../domain/bulk.ts';
import { MAX_RECORD, textOf } from './rows.ts';

/** Rows of a file with one JSON object a line. */
export async function* readJsonLines(bytes: Readable): AsyncGenerator<SourceRow> {
  let line = 0;
  for await (const text of createInterface({ input: bytes, crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1;
    const bare = line === 1 ? text.replace(/^\ufeff/, '') : text;
    if (bare.trim() !== '') yield { line, ...parse(bare) };
  }
}

function parse(text: string): { row: Record<string, string> } | { problem: RowProblem } {
  if (text.length > MAX_RECORD) {
    const message = `The line has more than ${MAX_RECORD} characters.`;
    return { problem: { code: 'line_too_long', message, details: { most: MAX_RECORD } } };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: { code: 'not_json', message: 'The line is not JSON.' } };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problem: { code: 'not_an_object', message: 'The line is not a JSON object.' } };
  }
  const row = new Map<string, string>();
  for (const [name, field] of Object.entries(value)) {
    const shown = textOf(field);
    if (shown === undefined) {
      const message = `${name} is neither text nor a number.`;
      return { problem: { code: 'cell_not_text', message, details: { column: name } } };
    }
    row.set(name, shown);
  }
  return { row: Object.fromEntries(row) };
}
