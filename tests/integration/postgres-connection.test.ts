import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import { openPool } from '../../apps/server/src/adapters/sql/postgres-connection.ts';
import { quietLog } from '../support/quiet-log.ts';
import { describeWithPostgres, newDatabase } from '../support/with-postgres.ts';

describeWithPostgres('connections to PostgreSQL', () => {
  it('outlives the end of a connection that is in use, and the next query has another', async () => {
    const { url, drop } = await newDatabase();
    const options = { url, name: 'imagemill test', durability: 'full', clock: systemClock, log: quietLog } as const;
    const pool = openPool(options, 1);
    try {
      await pool.queries.connection().execute(async (connection) => {
        const end = sql`select pg_terminate_backend(pg_backend_pid())`.execute(connection);
        await expect(end).rejects.toMatchObject({ code: 'database_unavailable' });
        // The socket says so once more, while nobody asks anything.
        const again = sql`select 1`.execute(connection);
        await expect(again).rejects.toMatchObject({ code: 'database_unavailable' });
      });
      const { rows } = await sql<{ one: number }>`select 1 as one`.execute(pool.queries);
      expect(rows).toEqual([{ one: 1 }]);
    } finally {
      await pool.close();
      await drop();
    }
  });
});
