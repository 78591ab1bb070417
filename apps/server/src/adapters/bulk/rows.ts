import type { SourceRow } from '../../application/bulk-ports.ts';
import { AppError } from '../../domain/errors.ts';

/** Characters of one row. */
export const MAX_RECORD = 100_000;
const MAX_COLUMNS = 200;

/** Names of the columns. @throws AppError `bulk_file_invalid` for names that are missing or there twice */
export function headerOf(cells: readonly string[]): readonly string[] {
  const names = cells.map((name) => name.trim());
  const twice = names.find((name, at) => name !== '' && names.indexOf(name) !== at);
  if (twice !== undefined)
    throw new AppError('bulk_file_invalid', `The column ${JSON.stringify(twice)} is there twice.`);
  if (names.every((name) => name === '')) throw new AppError('bulk_file_invalid', 'The first row has no column names.');
  if (names.length > MAX_COLUMNS)
    throw new AppError('bulk_file_invalid', `There are more than ${MAX_COLUMNS} columns.`);
  return names;
}

export function rowOf(header: readonly string[], cells: readonly string[], line: number): SourceRow {
  if (cells.length !== header.length) {
    const [have, wanted] = [cells.length, header.length];
    const message = `The row has ${have} cells, the header ${wanted}.`;
    return { line, problem: { code: 'cell_count', message, details: { cells: have, columns: wanted } } };
  }
  return {
    line,
    row: Object.fromEntries(header.flatMap((name, at) => (name === '' ? [] : [[name, cells[at] ?? '']]))),
  };
}

/** A value as the text of a cell; undefined for lists and objects. */
export function textOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString().slice(0, 10);
  return typeof value === 'object' ? undefined : String(value);
}
