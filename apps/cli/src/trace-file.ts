/** A day's arrivals as a CSV file: `minute,pictures`, and if wanted `width,height,steps,priority,tenant`. */
import { readFile } from 'node:fs/promises';
import type { Arrival } from '@imagemill/server/simulation';
import { CliError, exitCodes } from './cli-error.ts';

export interface TraceDefaults {
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  /** Numbers from 0 to below 1: where in its minute a picture is asked for. */
  readonly random: () => number;
}

/** Arrivals in the order of their times. @throws CliError `trace_invalid` naming the line */
export async function readTrace(file: string, defaults: TraceDefaults): Promise<readonly Arrival[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw invalid(file, `it cannot be read: ${(cause as Error).message}`);
  });
  return parseTrace(file, text, defaults);
}

/** @throws CliError `trace_invalid` naming the line */
export function parseTrace(file: string, text: string, defaults: TraceDefaults): readonly Arrival[] {
  const [head = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const columns = cellsOf(head).map((name) => name.toLowerCase());
  for (const name of ['minute', 'pictures']) {
    if (!columns.includes(name))
      throw invalid(
        file,
        `line 1 has no column ${name}; expected ${allColumns.join(',')}, and cells are parted by commas`,
      );
  }
  const twice = columns.find((name, index) => columns.indexOf(name) < index);
  if (twice !== undefined) throw invalid(file, `line 1 has the column ${twice} twice`);
  const unknown = columns.find((name) => !allColumns.includes(name));
  if (unknown !== undefined)
    throw invalid(
      file,
      `line 1 has an unknown column ${JSON.stringify(unknown)}; expected some of ${allColumns.join(', ')}`,
    );
  const arrivals: Arrival[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const row = new Row(file, index + 2, columns, line);
    const at = row.number('minute', 0, MAX_MINUTES);
    const count = row.number('pictures', 0, MAX_PICTURES);
    if (arrivals.length + count > MAX_PICTURES) throw invalid(file, `it asks for more than ${MAX_PICTURES} pictures`);
    const settings = {
      width: row.optional('width', 16, 16_384) ?? defaults.width,
      height: row.optional('height', 16, 16_384) ?? defaults.height,
      steps: row.optional('steps', 1, 100) ?? defaults.steps,
      priority: row.priority(),
      tenantId: row.text('tenant') || 'default',
    };
    for (let i = 0; i < count; i++) arrivals.push({ ...settings, at: (at + defaults.random()) * 60_000 });
  }
  if (arrivals.length === 0) throw invalid(file, 'it asks for no picture');
  return arrivals.sort((a, b) => a.at - b.at);
}

/** Cells hold no commas; quotes around them mean nothing. */
function cellsOf(line: string): readonly string[] {
  return line.split(',').map((cell) =>
    cell
      .trim()
      .replace(/^"(.*)"$/, '$1')
      .trim(),
  );
}

class Row {
  readonly #file: string;
  readonly #number: number;
  readonly #columns: readonly string[];
  readonly #cells: readonly string[];

  constructor(file: string, number: number, columns: readonly string[], line: string) {
    this.#file = file;
    this.#number = number;
    this.#columns = columns;
    this.#cells = cellsOf(line);
    if (this.#cells.length !== columns.length) {
      throw invalid(file, `line ${number} has ${this.#cells.length} cells, expected ${columns.length}`);
    }
  }

  text(column: string): string {
    return this.#cells[this.#columns.indexOf(column)] ?? '';
  }

  number(column: string, min: number, max: number): number {
    const text = this.text(column);
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw invalid(
      this.#file,
      `line ${this.#number}: ${column} is ${JSON.stringify(text)}, expected a whole number from ${min} to ${max}`,
    );
  }

  optional(column: string, min: number, max: number): number | undefined {
    return this.text(column) === '' ? undefined : this.number(column, min, max);
  }

  priority(): Arrival['priority'] {
    const text = this.text('priority') || 'standard';
    const found = priorities.find((name) => name === text);
    if (found !== undefined) return found;
    throw invalid(
      this.#file,
      `line ${this.#number}: priority is ${JSON.stringify(text)}, expected ${priorities.join(', ')}`,
    );
  }
}

function invalid(file: string, problem: string): CliError {
  const message = `The trace ${file} cannot be used: ${problem}.`;
  return new CliError('trace_invalid', message, { exitCode: exitCodes.usage, details: { file } });
}

const allColumns = ['minute', 'pictures', 'width', 'height', 'steps', 'priority', 'tenant'];
const priorities = ['interactive', 'standard', 'bulk'] as const;
/** A week. */
const MAX_MINUTES = 7 * 24 * 60;
const MAX_PICTURES = 2_000_000;
