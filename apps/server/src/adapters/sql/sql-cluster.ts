import type { Kysely } from 'kysely';
import type { LeaseBook, WorkerBoard, WorkerReport } from '../../application/worker-board.ts';
import type { Tables } from './schema.ts';

/** What workers say of themselves, in a row each. */
export function createWorkerBoard(queries: Kysely<Tables>): WorkerBoard {
  return {
    async report(report, at) {
      const row = { seen_at: at, report: JSON.stringify(report) };
      await queries
        .insertInto('workers')
        .values({ id: report.id, ...row })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute();
      await queries
        .deleteFrom('workers')
        .where('seen_at', '<', at - FORGET_MS)
        .execute();
    },
    async remove(id) {
      await queries.deleteFrom('workers').where('id', '=', id).execute();
    },
    async list(since) {
      const rows = await queries
        .selectFrom('workers')
        .selectAll()
        .where('seen_at', '>=', since)
        .orderBy('id')
        .execute();
      return rows.map((row) => ({ ...(JSON.parse(row.report) as WorkerReport), seenAt: row.seen_at }));
    },
  };
}

/** Leases in a row each; taking one is one statement, so two cannot have it. */
export function createLeaseBook(queries: Kysely<Tables>): LeaseBook {
  return {
    async hold(name, { holder, now, ms }) {
      const row = { holder, expires_at: now + ms };
      const held = await queries
        .insertInto('leases')
        .values({ name, ...row })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet(row)
            .where((where) => where.or([where('leases.holder', '=', holder), where('leases.expires_at', '<=', now)])),
        )
        .returning('holder')
        .executeTakeFirst();
      return held !== undefined;
    },
    async release(name, holder) {
      await queries.deleteFrom('leases').where('name', '=', name).where('holder', '=', holder).execute();
    },
  };
}

const FORGET_MS = 3_600_000;
