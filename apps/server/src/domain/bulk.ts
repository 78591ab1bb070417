import type { AppError, FieldFault } from './errors.ts';
import type { BulkId, GenerationId, KeyId, TenantId } from './ids.ts';
import type { Notice } from './notice.ts';

export type BulkFormat = 'csv' | 'jsonl' | 'xlsx';

/**
 * `reading`: rows become generations; `submitted`: all have; whether their pictures are done follows from them.
 * `paused`: of either, until it is read again from the start, past the rows that are on record.
 */
export type BulkState = 'reading' | 'submitted' | 'paused' | 'cancelled' | 'failed';

/** What holds for every row that does not say otherwise. */
export interface BulkSettings {
  /** `{{product}} on a {{colour}} background, {morning|evening} light` */
  readonly template?: string | undefined;
  readonly negativePrompt?: string | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly steps?: number | undefined;
  readonly count?: number | undefined;
  readonly model?: string | undefined;
  readonly format?: string | undefined;
  readonly quality?: number | undefined;
  /** Wildcards and the seeds of the pictures follow from it and from the row. */
  readonly seed: number;
  /** An earlier bulk: rows that were in it and ask for the same are not drawn again. */
  readonly unchangedSince?: BulkId | undefined;
  /** Columns of the file by their names, and what they are taken for. */
  readonly columns?: Readonly<Record<string, string>> | undefined;
}

/** Many generations that were handed in together, as rows of a file. */
export interface Bulk {
  readonly id: BulkId;
  readonly tenantId: TenantId;
  readonly keyId: KeyId | undefined;
  /** As `askerIdOf` tells it. @default the machine itself */
  readonly askedBy?: string | undefined;
  readonly name: string;
  readonly format: BulkFormat;
  readonly settings: BulkSettings;
  readonly state: BulkState;
  readonly createdAt: number;
  /** Why it waits or failed; undefined when all is well. */
  readonly note: Notice | undefined;
}

/** Why a row is broken: a code with what it is about, and the same in an English sentence. */
export interface RowProblem {
  readonly code: RowProblemCode;
  readonly message: string;
  /** Names and numbers that a sentence in another language needs. */
  readonly details?: Readonly<Record<string, string | number>> | undefined;
  /** Settings that were refused. */
  readonly fields?: readonly Pick<FieldFault, 'field' | 'code'>[] | undefined;
}

/**
 * `refused`: the server does not take what the row asks for; `details.error` is its error code.
 */
export type RowProblemCode =
  | 'cell_count'
  | 'rest_unreadable'
  | 'line_too_long'
  | 'not_json'
  | 'not_an_object'
  | 'cell_not_text'
  | 'template_value_missing'
  | 'settings_invalid'
  | 'refused';

/** The problem of a row that was refused with an error. */
export function problemOfError({ code, message, fields }: AppError): RowProblem {
  if (fields.length === 0) return { code: 'refused', message, details: { error: code } };
  return { code: 'settings_invalid', message, fields: fields.map((one) => ({ field: one.field, code: one.code })) };
}

/** What became of a row. */
export interface BulkRow {
  readonly bulkId: BulkId;
  readonly tenantId: TenantId;
  /** As in the file, from 1; of a workbook the row. */
  readonly line: number;
  readonly state: 'submitted' | 'unchanged' | 'broken';
  /** SHA-256 of all that decides on the pictures. */
  readonly hash: string | undefined;
  readonly generationId: GenerationId | undefined;
  readonly problem: RowProblem | undefined;
}

export interface BulkCounts {
  readonly submitted: number;
  readonly unchanged: number;
  readonly broken: number;
  /** Generations of the rows that have not ended. */
  readonly open: number;
  readonly pictures: { readonly asked: number; readonly succeeded: number; readonly failed: number };
}

/** A row with its columns also under the names they are taken for; a template may use either. */
export function withColumns(
  row: Readonly<Record<string, string>>,
  columns: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const named = Object.entries(columns).flatMap(([from, to]) => (Object.hasOwn(row, from) ? [[to, row[from]]] : []));
  return { ...row, ...Object.fromEntries(named) };
}

export type Filled = { readonly text: string } | { readonly problem: RowProblem };

/**
 * A prompt of a template and a row: `{{column}}` is the row's value, as it is; `{red|green}` one of the words, the same
 * whenever the row and the seed are. Values are not looked at again, so a brace in a cell is a brace.
 */
export function fillTemplate(template: string, row: Readonly<Record<string, string>>, seed: number): Filled {
  const key = rowKey(row);
  let wildcards = 0;
  const missing: string[] = [];
  const text = template.replace(PLACES, (whole, column: string | undefined, words: string | undefined) => {
    if (column !== undefined) {
      // A column may be called constructor; a row without it has none all the same.
      const value = Object.hasOwn(row, column) ? row[column] : undefined;
      if (value === undefined || value === '') missing.push(column);
      return value ?? '';
    }
    const choices = (words ?? whole).split('|');
    wildcards += 1;
    return choices[hashOf(`${seed} ${wildcards} ${key}`) % choices.length]?.trim() ?? '';
  });
  if (missing.length === 0) return { text };
  const columns = missing.map((name) => `"${name}"`).join(', ');
  const message = `The template needs ${columns}, which the row does not have.`;
  return { problem: { code: 'template_value_missing', message, details: { columns } } };
}

/** Seed of a row's first picture; the same wherever the row stands in the file. */
export function seedOfRow(row: Readonly<Record<string, string>>, seed: number): number {
  return (seed + hashOf(rowKey(row))) % 2 ** 32;
}

/** Unmatched braces of a template, in words; undefined when it can be used. */
export function templateProblem(template: string): string | undefined {
  const rest = template.replace(PLACES, '');
  return /[{}]/.test(rest) ? 'A brace is not part of {{column}} or {one|other}.' : undefined;
}

function rowKey(row: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** FNV-1a over UTF-16 units, with a last mix; 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

const PLACES = /\{\{\s*([^{}|]+?)\s*\}\}|\{([^{}|]*(?:\|[^{}|]*)+)\}/g;
