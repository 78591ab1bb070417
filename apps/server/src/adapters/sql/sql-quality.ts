import { type Kysely, type Selectable, sql } from 'kysely';
import type {
  PictureHash,
  QualityReader,
  QualityTransaction,
  Review,
  ReviewQuery,
  ReviewRecord,
  ReviewState,
} from '../../application/quality-ports.ts';
import { assert } from '../../domain/errors.ts';
import { assetId, generationId, type JobId, jobId, type TenantId, tenantId } from '../../domain/ids.ts';
import type { JobTimings } from '../../domain/job.ts';
import type { PictureQuality } from '../../domain/quality/judge.ts';
import type { QualityPolicyChange } from '../../domain/quality/policy.ts';
import type { SharpnessNormal } from '../../domain/quality/sharpness-normal.ts';
import type { Warning } from '../../domain/warning.ts';
import type { ReviewsTable } from './quality-tables.ts';
import { assetFromRow, generationFromRow } from './rows.ts';
import type { Tables } from './schema.ts';

/** Questions about the quality gate and what it found. */
export class SqlQualityReader implements QualityReader {
  protected readonly queries: Kysely<Tables>;

  constructor(queries: Kysely<Tables>) {
    this.queries = queries;
  }

  async policyOf(tenant: TenantId): Promise<QualityPolicyChange | undefined> {
    const row = await this.queries
      .selectFrom('quality_policies')
      .select('policy')
      .where('tenant_id', '=', tenant)
      .executeTakeFirst();
    return row && (JSON.parse(row.policy) as QualityPolicyChange);
  }

  async normals(): Promise<readonly SharpnessNormal[]> {
    return this.queries.selectFrom('sharpness_normals').selectAll().execute();
  }

  async latestHashes(query: { readonly tenantId: TenantId; readonly limit: number }): Promise<readonly PictureHash[]> {
    const rows = await this.queries
      .selectFrom('picture_hashes')
      .selectAll()
      .where('tenant_id', '=', query.tenantId)
      .orderBy('job_id', 'desc')
      .limit(query.limit)
      .execute();
    return rows.map(({ job_id, tenant_id, hash, intent }) => {
      return { jobId: jobId(job_id), tenantId: tenantId(tenant_id), hash, intent };
    });
  }

  async reviews(query: ReviewQuery): Promise<readonly ReviewRecord[]> {
    const { limit, after, isHeld, check } = query;
    let select = this.queries
      .selectFrom('reviews')
      .selectAll()
      .where('tenant_id', '=', query.tenantId)
      .where('state', '=', query.state);
    if (after !== undefined) select = select.where('job_id', '<', after);
    if (isHeld !== undefined) select = select.where('held', '=', isHeld ? 1 : 0);
    // The text that JSON.stringify writes; names of checks hold no character of a pattern.
    if (check !== undefined) select = select.where(sql<boolean>`quality like ${`%"check":"${check}"%`}`);
    return this.#records(await select.orderBy('job_id', 'desc').limit(limit).execute());
  }

  async findReview(tenant: TenantId, id: JobId): Promise<ReviewRecord | undefined> {
    const row = await this.queries
      .selectFrom('reviews')
      .selectAll()
      .where('job_id', '=', id)
      .where('tenant_id', '=', tenant)
      .executeTakeFirst();
    return row && (await this.#records([row]))[0];
  }

  async #records(rows: readonly Selectable<ReviewsTable>[]): Promise<readonly ReviewRecord[]> {
    if (rows.length === 0) return [];
    const idsOf = (pick: (row: Selectable<ReviewsTable>) => string): string[] => [...new Set(rows.map(pick))];
    const generations = await this.queries
      .selectFrom('generations')
      .selectAll()
      .where(
        'id',
        'in',
        idsOf((row) => row.generation_id),
      )
      .execute();
    const assets = await this.queries
      .selectFrom('assets')
      .selectAll()
      .where(
        'id',
        'in',
        idsOf((row) => row.asset_id),
      )
      .execute();
    const generationById = new Map(generations.map((row) => [row.id, generationFromRow(row)]));
    const assetById = new Map(assets.map((row) => [row.id, assetFromRow(row)]));
    return rows.map((row) => {
      const generation = generationById.get(row.generation_id);
      assert(generation !== undefined, `the review ${row.job_id} has lost its generation`);
      return { review: reviewFromRow(row), generation, asset: assetById.get(row.asset_id) };
    });
  }
}

/** Changes of the quality gate, inside a transaction. */
export class SqlQuality extends SqlQualityReader implements QualityTransaction {
  async savePolicy(tenant: TenantId, policy: QualityPolicyChange | undefined): Promise<void> {
    if (policy === undefined) {
      await this.queries.deleteFrom('quality_policies').where('tenant_id', '=', tenant).execute();
      return;
    }
    const row = { policy: JSON.stringify(policy) };
    await this.queries
      .insertInto('quality_policies')
      .values({ tenant_id: tenant, ...row })
      .onConflict((conflict) => conflict.column('tenant_id').doUpdateSet(row))
      .execute();
  }

  async saveNormal({ model, pixels, mean, variance, count }: SharpnessNormal): Promise<void> {
    const row = { mean, variance, count };
    await this.queries
      .insertInto('sharpness_normals')
      .values({ model, pixels, ...row })
      .onConflict((conflict) => conflict.columns(['model', 'pixels']).doUpdateSet(row))
      .execute();
  }

  async addHash({ jobId: id, tenantId: tenant, hash, intent }: PictureHash): Promise<void> {
    await this.queries
      .insertInto('picture_hashes')
      .values({ job_id: id, tenant_id: tenant, hash, intent })
      .onConflict((conflict) => conflict.column('job_id').doUpdateSet({ hash, intent }))
      .execute();
  }

  async loadReview(tenant: TenantId, id: JobId): Promise<Review | undefined> {
    const row = await this.queries
      .selectFrom('reviews')
      .selectAll()
      .where('job_id', '=', id)
      .where('tenant_id', '=', tenant)
      .executeTakeFirst();
    return row && reviewFromRow(row);
  }

  async saveReview(review: Review): Promise<void> {
    const { job_id, ...row } = reviewToRow(review);
    await this.queries
      .insertInto('reviews')
      .values({ job_id, ...row })
      .onConflict((conflict) => conflict.column('job_id').doUpdateSet(row))
      .execute();
  }
}

function reviewFromRow(row: Selectable<ReviewsTable>): Review {
  return {
    jobId: jobId(row.job_id),
    tenantId: tenantId(row.tenant_id),
    generationId: generationId(row.generation_id),
    state: row.state as ReviewState,
    isHeld: row.held === 1,
    seed: row.seed,
    assetId: assetId(row.asset_id),
    quality: JSON.parse(row.quality) as PictureQuality,
    timings: JSON.parse(row.timings) as JobTimings,
    warnings: JSON.parse(row.warnings) as Warning[],
    createdAt: row.created_at,
    decidedAt: row.decided_at ?? undefined,
    decidedBy: row.decided_by ?? undefined,
  };
}

function reviewToRow(review: Review): Selectable<ReviewsTable> {
  return {
    job_id: review.jobId,
    tenant_id: review.tenantId,
    generation_id: review.generationId,
    state: review.state,
    held: review.isHeld ? 1 : 0,
    seed: review.seed,
    asset_id: review.assetId,
    quality: JSON.stringify(review.quality),
    timings: JSON.stringify(review.timings),
    warnings: JSON.stringify(review.warnings),
    created_at: review.createdAt,
    decided_at: review.decidedAt ?? null,
    decided_by: review.decidedBy ?? null,
  };
}
