import type { Compilable, CompiledQuery, Kysely, QueryResult } from 'kysely';
import type { Tables } from './schema.ts';

/** Values by name, as a database takes them. */
type NamedValues = object;

type Run<Input, Row> = (queries: Kysely<Tables>, input: Input) => Promise<QueryResult<Row>>;

/**
 * A statement that is put into words once and not at every run, which takes longer than running it does.
 *
 * @param build must use the values only where a statement has parameters, and must not look at them
 */
export function prepared<Values extends NamedValues, Row>(
  build: (queries: Kysely<Tables>, values: Values) => Compilable<Row>,
): Run<Values, Row> {
  const run = preparedRows<Values, Row>((queries, [values]) => build(queries, values as Values));
  return (queries, values) => run(queries, [values]);
}

/**
 * The same for a statement with several rows, all with values of the same names.
 *
 * @param build must use the values only where a statement has parameters, and must not look at them
 */
export function preparedRows<Values extends NamedValues, Row>(
  build: (queries: Kysely<Tables>, rows: readonly Values[]) => Compilable<Row>,
): Run<readonly Values[], Row> {
  const known = new WeakMap<Kysely<Tables>, CompiledQuery<Row>[]>();
  return (queries, rows) => {
    // Each number of rows has words of its own; large ones are rare and not worth keeping.
    if (rows.length > MOST_ROWS) return queries.executeQuery(build(queries, rows));
    const byRows = known.get(queries) ?? [];
    if (byRows.length === 0) known.set(queries, byRows);
    const query = byRows[rows.length] ?? build(queries, rows.map(markersOf)).compile();
    byRows[rows.length] = query;
    const parameters = query.parameters.map((one) => (one instanceof Marker ? one.of(rows) : one));
    return queries.executeQuery({ ...query, parameters });
  };
}

/** Stands where a value will. */
class Marker {
  readonly #row: number;
  readonly #name: string;

  constructor(row: number, name: string) {
    this.#row = row;
    this.#name = name;
  }

  of(rows: readonly NamedValues[]): unknown {
    return (rows[this.#row] as Readonly<Record<string, unknown>> | undefined)?.[this.#name];
  }
}

function markersOf<Values extends NamedValues>(values: Values, row: number): Values {
  return Object.fromEntries(Object.keys(values).map((name) => [name, new Marker(row, name)])) as Values;
}

const MOST_ROWS = 8;
