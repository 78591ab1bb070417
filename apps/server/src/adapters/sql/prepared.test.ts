import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kysely, Selectable } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from './migrations.ts';
import { prepared, preparedRows } from './prepared.ts';
import type { Tables } from './schema.ts';
import { openConnection, type SqliteConnection } from './sqlite-connection.ts';

let folder: string;
let connection: SqliteConnection;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'imagemill-prepared-'));
  connection = openConnection({ path: join(folder, 'imagemill.db'), readOnly: false, durability: 'normal' });
  await migrate(connection.queries as unknown as Kysely<unknown>);
});

afterEach(() => {
  connection.close();
  rmSync(folder, { recursive: true });
});

const prices = { currency: 'EUR', per_picture: 1, per_device_second: 2 };
type PricesRow = Selectable<Tables['prices']>;

describe('a prepared statement', () => {
  it('takes the values of each run, in whatever order they stand', async () => {
    let built = 0;
    const insert = preparedRows((queries, rows: readonly PricesRow[]) => {
      built += 1;
      return queries.insertInto('prices').values(rows);
    });
    await insert(connection.queries, [{ since: 1, ...prices, hosted_per_picture: null }]);
    await insert(connection.queries, [{ hosted_per_picture: 7, ...prices, since: 2 }]);
    const many = [3, 4, 5].map((since) => ({ since, ...prices, hosted_per_picture: since }));
    await insert(connection.queries, many);

    const select = prepared((queries, { since }: { readonly since: number }) =>
      queries.selectFrom('prices').select(['since', 'hosted_per_picture']).where('since', '>=', since).orderBy('since'),
    );
    const { rows } = await select(connection.queries, { since: 1 });
    expect(rows.map((row) => [row.since, row.hosted_per_picture])).toEqual([
      [1, null],
      [2, 7],
      [3, 3],
      [4, 4],
      [5, 5],
    ]);
    expect((await select(connection.queries, { since: 5 })).rows).toHaveLength(1);
    // Once for one row and once for three.
    expect(built).toBe(2);
  });

  it('tells how many rows it changed', async () => {
    const remove = prepared((queries, { since }: { readonly since: number }) =>
      queries.deleteFrom('prices').where('since', '=', since),
    );
    expect((await remove(connection.queries, { since: 1 })).numAffectedRows).toBe(0n);
  });

  it('takes more rows than it keeps words for', async () => {
    const insert = preparedRows((queries, rows: readonly PricesRow[]) => queries.insertInto('prices').values(rows));
    const rows = Array.from({ length: 40 }, (_, since) => ({ since, ...prices, hosted_per_picture: null }));
    expect((await insert(connection.queries, rows)).numAffectedRows).toBe(40n);
  });
});
