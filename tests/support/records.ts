/** The records of a server in a test, behind its back, whichever database they are in. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { Config } from '../../apps/server/src/config/load.ts';

/** Runs statements, one after the other; gives the rows of the last one. */
export async function queryRecords(
  { databaseUrl, dataDir }: Pick<Config, 'databaseUrl' | 'dataDir'>,
  ...statements: readonly string[]
): Promise<readonly Record<string, unknown>[]> {
  if (databaseUrl === undefined) {
    const database = new DatabaseSync(join(dataDir, 'imagemill.db'));
    const rows = statements.map((statement) => database.prepare(statement).all());
    database.close();
    return rows.at(-1) ?? [];
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  let rows: readonly Record<string, unknown>[] = [];
  for (const statement of statements) ({ rows } = await client.query<Record<string, unknown>>(statement));
  await client.end();
  return rows;
}
