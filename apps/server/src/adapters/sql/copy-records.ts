import { type Kysely, sql } from 'kysely';
import type { PostgresWriter } from './postgres-writer.ts';
import type { Tables } from './schema.ts';

export interface CopiedTable {
  readonly name: string;
  readonly rows: number;
}

export interface CopyReport {
  readonly tables: readonly CopiedTable[];
  /** Texts from which a character was taken that PostgreSQL cannot hold (U+0000). */
  readonly cleanedTexts: number;
}

/**
 * Copies all rows of a SQLite database into PostgreSQL in one transaction, so that there are all or none. Both must
 * have the tables of this version. What the target holds is replaced: ask `rowsOf` before.
 *
 * @param alsoWrite written in the same transaction, after the rows
 * @throws AppError as the databases do, `internal_error` when a table has not as many rows afterwards
 */
export async function copyRecords(
  source: Kysely<Tables>,
  target: PostgresWriter,
  onTable: (table: CopiedTable) => void,
  alsoWrite: (target: Kysely<Tables>) => Promise<void> = async () => undefined,
): Promise<CopyReport> {
  const names = await tablesInOrder(source);
  const report = { tables: [] as CopiedTable[], cleanedTexts: 0 };
  await target.begin();
  try {
    for (const name of [...names].reverse()) await sql`delete from ${sql.table(name)}`.execute(target.queries);
    for (const name of names) {
      const { rows, cleanedTexts } = await copyTable(source, target.queries, name);
      const there = await countRows(target.queries, name);
      if (there !== rows) throw new Error(`The table ${name} has ${there} rows after copying, not ${rows}.`);
      report.tables.push({ name, rows });
      report.cleanedTexts += cleanedTexts;
      onTable({ name, rows });
    }
    await alsoWrite(target.queries);
    await target.execute('commit');
  } catch (error) {
    await target.execute('rollback').catch(() => undefined);
    throw error;
  }
  return report;
}

/** Tables of a database with records in them, beside what every new one has. */
export async function filledTables(target: Kysely<Tables>, source: Kysely<Tables>): Promise<readonly CopiedTable[]> {
  const filled: CopiedTable[] = [];
  for (const name of await tablesInOrder(source)) {
    if (FILLED_WHEN_NEW.has(name)) continue;
    const rows = await countRows(target, name);
    if (rows > (name === 'tenants' ? 1 : 0)) filled.push({ name, rows });
  }
  return filled;
}

/** Other processes of ours that are connected to a database. */
export async function othersConnected(target: Kysely<Tables>): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select distinct application_name as name from pg_stat_activity
    where datname = current_database() and application_name like 'imagemill %' and application_name <> 'imagemill move'
  `.execute(target);
  return rows.map(({ name }) => name);
}

async function copyTable(
  source: Kysely<Tables>,
  target: Kysely<Tables>,
  name: string,
): Promise<{ readonly rows: number; readonly cleanedTexts: number }> {
  let [rows, cleanedTexts, after] = [0, 0, Number.MIN_SAFE_INTEGER];
  for (;;) {
    const page = await sql<Row>`
      select rowid as ${sql.ref(ROW_NUMBER)}, * from ${sql.table(name)} where rowid > ${after} order by rowid limit ${PAGE}
    `.execute(source);
    const last = page.rows.at(-1);
    if (last === undefined) return { rows, cleanedTexts };
    after = Number(last[ROW_NUMBER]);
    const clean = page.rows.map(({ [ROW_NUMBER]: _number, ...row }) => {
      const entries = Object.entries(row).map(([column, value]): [string, Value] => {
        if (typeof value !== 'string' || !value.includes('\0')) return [column, value];
        cleanedTexts += 1;
        return [column, value.replaceAll('\0', '')];
      });
      return Object.fromEntries(entries);
    });
    // Names of tables are those of the source: no type knows them.
    await (target as unknown as Kysely<Record<string, Row>>).insertInto(name).values(clean).execute();
    // Inserts are not waited for: ask something, so that no more than a page is on its way.
    await sql`select 1`.execute(target);
    rows += clean.length;
  }
}

type Value = string | number | null;
type Row = Record<string, Value>;

async function countRows(queries: Kysely<Tables>, name: string): Promise<number> {
  const { rows } = await sql<{ rows: number }>`select count(*) as rows from ${sql.table(name)}`.execute(queries);
  return rows[0]?.rows ?? 0;
}

/** Tables so that each comes after those that it refers to. */
async function tablesInOrder(source: Kysely<Tables>): Promise<readonly string[]> {
  const all = await sql<{ name: string }>`
    select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name not like 'kysely_%'
  `.execute(source);
  const ordered: string[] = [];
  const add = async (name: string): Promise<void> => {
    if (ordered.includes(name) || OF_PROCESSES.has(name)) return;
    const parents = await sql<{ table: string }>`select "table" from pragma_foreign_key_list(${name})`.execute(source);
    for (const { table } of parents.rows) if (table !== name) await add(table);
    ordered.push(name);
  };
  for (const { name } of all.rows) await add(name);
  return ordered;
}

/** What processes say of themselves is not moved. */
const OF_PROCESSES: ReadonlySet<string> = new Set(['workers', 'leases']);
/** What migrations and the first start write. */
const FILLED_WHEN_NEW: ReadonlySet<string> = new Set(['fair_classes', 'counters', 'signing_keys', 'site']);
const ROW_NUMBER = 'imagemill_row';
const PAGE = 500;
