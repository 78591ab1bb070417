import { type Kysely, sql } from 'kysely';
import type {
  OldGeneration,
  OldPicture,
  OldQuery,
  RetentionReader,
  RetentionTransaction,
} from '../../application/retention-ports.ts';
import {
  type AssetId,
  assetId,
  type ContentHash,
  contentHash,
  type GenerationId,
  generationId,
  type TenantId,
} from '../../domain/ids.ts';
import type { RetentionChange } from '../../domain/retention/retention.ts';
import type { Tables } from './schema.ts';

/** Questions about what is old. */
export class SqlRetentionReader implements RetentionReader {
  protected readonly queries: Kysely<Tables>;

  constructor(queries: Kysely<Tables>) {
    this.queries = queries;
  }

  async retentionOf(tenant: TenantId): Promise<RetentionChange | undefined> {
    const row = await this.queries
      .selectFrom('retentions')
      .select('rules')
      .where('tenant_id', '=', tenant)
      .executeTakeFirst();
    return row && (JSON.parse(row.rules) as RetentionChange);
  }

  async oldPictures({ tenantId, before, after, limit }: OldQuery<AssetId>): Promise<readonly OldPicture[]> {
    const { rows } = await sql<{ id: string; at: number; sha256: string; starred: number }>`
      select id, created_at as at, sha256, (
        select count(*) from jobs inner join picture_marks on picture_marks.job_id = jobs.id
        where jobs.asset_id = assets.id and picture_marks.starred = 1
      ) as starred
      from assets
      where tenant_id = ${tenantId} and created_at < ${before}
        ${after === undefined ? sql`` : sql`and (created_at > ${after.at} or (created_at = ${after.at} and id > ${after.id}))`}
      order by created_at, id limit ${limit}`.execute(this.queries);
    return rows.map(({ id, at, sha256, starred }) => {
      return { id: assetId(id), at, sha256: contentHash(sha256), isStarred: Number(starred) > 0 };
    });
  }

  async oldGenerations({ tenantId, before, after, limit }: OldQuery<GenerationId>): Promise<readonly OldGeneration[]> {
    const { rows } = await sql<{ id: string; at: number; starred: number }>`
      select id, finished_at as at, (
        select count(*) from jobs inner join picture_marks on picture_marks.job_id = jobs.id
        where jobs.generation_id = generations.id and picture_marks.starred = 1
      ) as starred
      from generations
      where tenant_id = ${tenantId} and finished_at is not null and finished_at < ${before}
        and state not in ('queued', 'running')
        ${after === undefined ? sql`` : sql`and (finished_at > ${after.at} or (finished_at = ${after.at} and id > ${after.id}))`}
      order by finished_at, id limit ${limit}`.execute(this.queries);
    return rows.map(({ id, at, starred }) => ({ id: generationId(id), at, hasStarred: Number(starred) > 0 }));
  }

  async openSources(tenant: TenantId): Promise<ReadonlySet<string> | undefined> {
    const rows = await this.queries
      .selectFrom('generations')
      .select('extras')
      .where('tenant_id', '=', tenant)
      .where('state', 'in', ['queued', 'running'])
      .limit(MOST_OPEN + 1)
      .execute();
    if (rows.length > MOST_OPEN) return undefined;
    return new Set(rows.flatMap(({ extras }) => extras.match(/[0-9a-f]{64}/g) ?? []));
  }

  async unusedHashes(hashes: readonly ContentHash[]): Promise<readonly ContentHash[]> {
    if (hashes.length === 0) return [];
    const used = await this.queries
      .selectFrom('assets')
      .select('sha256')
      .distinct()
      .where('sha256', 'in', hashes)
      .execute();
    const names = new Set(used.map(({ sha256 }) => sha256));
    return hashes.filter((hash) => !names.has(hash));
  }
}

/** Removal, inside a transaction. */
export class SqlRetention extends SqlRetentionReader implements RetentionTransaction {
  async saveRetention(tenant: TenantId, retention: RetentionChange | undefined): Promise<void> {
    if (retention === undefined) {
      await this.queries.deleteFrom('retentions').where('tenant_id', '=', tenant).execute();
      return;
    }
    const row = { rules: JSON.stringify(retention) };
    await this.queries
      .insertInto('retentions')
      .values({ tenant_id: tenant, ...row })
      .onConflict((conflict) => conflict.column('tenant_id').doUpdateSet(row))
      .execute();
  }

  async removePictures(tenant: TenantId, ids: readonly AssetId[]): Promise<void> {
    await this.queries.deleteFrom('results').where('tenant_id', '=', tenant).where('asset_id', 'in', ids).execute();
    await this.queries.deleteFrom('assets').where('tenant_id', '=', tenant).where('id', 'in', ids).execute();
  }

  async removeGenerations(tenant: TenantId, wanted: readonly GenerationId[]): Promise<readonly ContentHash[]> {
    const still = await this.queries
      .selectFrom('generations')
      .select('id')
      .where('tenant_id', '=', tenant)
      .where('id', 'in', wanted)
      .where('state', 'not in', ['queued', 'running'])
      .execute();
    const ids = still.map(({ id }) => id);
    if (ids.length === 0) return [];
    const jobs = await this.queries
      .selectFrom('jobs')
      .select(['id', 'asset_id'])
      .where('generation_id', 'in', ids)
      .execute();
    const held = await this.queries
      .selectFrom('reviews')
      .select('asset_id')
      .where('generation_id', 'in', ids)
      .execute();
    const jobIds = jobs.map(({ id }) => id);
    const assetIds = [...new Set([...jobs, ...held].flatMap(({ asset_id }) => asset_id ?? []))];
    for (const table of ['attempts', 'picture_marks', 'picture_tags', 'picture_hashes', 'reviews'] as const) {
      if (jobIds.length > 0) await this.queries.deleteFrom(table).where('job_id', 'in', jobIds).execute();
    }
    await this.queries.deleteFrom('jobs').where('generation_id', 'in', ids).execute();
    await this.queries.deleteFrom('events').where('generation_id', 'in', ids).execute();
    await this.queries.deleteFrom('idempotency_keys').where('generation_id', 'in', ids).execute();
    await this.queries.deleteFrom('generations').where('id', 'in', ids).execute();
    return this.#removeAssets(tenant, assetIds);
  }

  /** But those that a generation which stays was given again. */
  async #removeAssets(tenant: TenantId, ids: readonly string[]): Promise<readonly ContentHash[]> {
    if (ids.length === 0) return [];
    const kept = await this.queries.selectFrom('jobs').select('asset_id').where('asset_id', 'in', ids).execute();
    const stays = new Set(kept.map(({ asset_id }) => asset_id));
    const gone = ids.filter((id) => !stays.has(id)).map(assetId);
    if (gone.length === 0) return [];
    const rows = await this.queries.selectFrom('assets').select('sha256').where('id', 'in', gone).execute();
    await this.removePictures(tenant, gone);
    return rows.map(({ sha256 }) => contentHash(sha256));
  }
}

/** Generations whose sources are looked at; while more wait, no picture is removed. */
const MOST_OPEN = 10_000;
