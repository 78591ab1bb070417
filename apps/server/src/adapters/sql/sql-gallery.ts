import { type Expression, type Kysely, type SqlBool, sql } from 'kysely';
import type {
  GalleryReader,
  GalleryTransaction,
  PictureMarks,
  PictureQuery,
  PictureRecord,
} from '../../application/gallery-ports.ts';
import { assert } from '../../domain/errors.ts';
import type { JobId, TenantId } from '../../domain/ids.ts';
import { assetFromRow, generationFromRow, jobFromRow } from './rows.ts';
import type { Tables } from './schema.ts';

/** Questions about the gallery, put to a connection that only reads. */
export class SqlGalleryReader implements GalleryReader {
  readonly #queries: Kysely<Tables>;

  constructor(queries: Kysely<Tables>) {
    this.#queries = queries;
  }

  async list(query: PictureQuery): Promise<readonly PictureRecord[]> {
    const ids = await pictures(this.#queries, query.tenantId)
      .where((on) => on.and(conditionsOf(query)))
      .orderBy('jobs.id', 'desc')
      .limit(query.limit)
      .execute();
    return this.#records(ids.map(({ id }) => id));
  }

  async find(tenantId: TenantId, ids: readonly JobId[]): Promise<readonly PictureRecord[]> {
    const found = await pictures(this.#queries, tenantId).where('jobs.id', 'in', ids).execute();
    return this.#records(found.map(({ id }) => id));
  }

  async #records(ids: readonly string[]): Promise<readonly PictureRecord[]> {
    if (ids.length === 0) return [];
    const jobs = await this.#queries
      .selectFrom('jobs')
      .selectAll()
      .where('id', 'in', ids)
      .orderBy('id', 'desc')
      .execute();
    const generations = await this.#queries
      .selectFrom('generations')
      .selectAll()
      .where('id', 'in', [...new Set(jobs.map((job) => job.generation_id))])
      .execute();
    const assets = await this.#queries
      .selectFrom('assets')
      .selectAll()
      .where(
        'id',
        'in',
        jobs.flatMap((job) => job.asset_id ?? []),
      )
      .execute();
    const marks = await this.#queries.selectFrom('picture_marks').selectAll().where('job_id', 'in', ids).execute();
    const tags = await this.#queries
      .selectFrom('picture_tags')
      .select(['job_id', 'tag'])
      .where('job_id', 'in', ids)
      .orderBy('tag')
      .execute();
    const generationById = new Map(generations.map((row) => [row.id, generationFromRow(row)]));
    const assetById = new Map(assets.map((row) => [row.id, assetFromRow(row)]));
    const starred = new Set(marks.filter((row) => row.starred === 1).map((row) => row.job_id));
    const tagsById = new Map<string, string[]>(ids.map((id) => [id, []]));
    for (const { job_id, tag } of tags) tagsById.get(job_id)?.push(tag);
    return jobs.map((row) => {
      const job = jobFromRow(row);
      const generation = generationById.get(row.generation_id);
      const asset = assetById.get(row.asset_id ?? '');
      assert(job.state === 'succeeded', `job ${row.id} is in the gallery as ${row.state}`);
      assert(generation !== undefined && asset !== undefined, `picture ${row.id} has lost its records`);
      return { job, generation, asset, isStarred: starred.has(row.id), tags: tagsById.get(row.id) ?? [] };
    });
  }
}

/** Changes of the gallery inside a transaction. */
export class SqlGallery implements GalleryTransaction {
  readonly #queries: Kysely<Tables>;

  constructor(queries: Kysely<Tables>) {
    this.#queries = queries;
  }

  async mark(tenant: TenantId, ids: readonly JobId[], marks: PictureMarks): Promise<number> {
    const owned = await this.#queries
      .selectFrom('jobs')
      .select('id')
      .where('tenant_id', '=', tenant)
      .where(sql<boolean>`state = 'succeeded'`)
      .where('id', 'in', [...new Set(ids)])
      .execute();
    if (owned.length === 0) return 0;
    const { isStarred, deletedAt } = marks;
    const change = {
      ...(isStarred === undefined ? {} : { starred: isStarred ? 1 : 0 }),
      ...(deletedAt === undefined ? {} : { deleted_at: deletedAt }),
    };
    if (Object.keys(change).length > 0) {
      await this.#queries
        .insertInto('picture_marks')
        .values(owned.map(({ id }) => ({ job_id: id, tenant_id: tenant, starred: 0, deleted_at: null, ...change })))
        .onConflict((on) => on.column('job_id').doUpdateSet(change))
        .execute();
    }
    for (const tag of marks.addTags) {
      await this.#queries
        .insertInto('picture_tags')
        .values(owned.map(({ id }) => ({ tenant_id: tenant, tag, job_id: id })))
        .onConflict((on) => on.columns(['tenant_id', 'tag', 'job_id']).doNothing())
        .execute();
    }
    if (marks.removeTags.length > 0) {
      await this.#queries
        .deleteFrom('picture_tags')
        .where('tenant_id', '=', tenant)
        .where('tag', 'in', marks.removeTags)
        .where(
          'job_id',
          'in',
          owned.map(({ id }) => id),
        )
        .execute();
    }
    return owned.length;
  }
}

/** Pictures, the tenant's over the index `jobs_pictures`, without those that were taken out of the gallery. */
function pictures(queries: Kysely<Tables>, tenant: TenantId | undefined) {
  const found = queries
    .selectFrom('jobs')
    .innerJoin('generations', 'generations.id', 'jobs.generation_id')
    .innerJoin('assets', 'assets.id', 'jobs.asset_id')
    .leftJoin('picture_marks', 'picture_marks.job_id', 'jobs.id')
    .select('jobs.id')
    .where(sql<boolean>`jobs.state = 'succeeded'`)
    .where('picture_marks.deleted_at', 'is', null);
  return tenant === undefined ? found : found.where('jobs.tenant_id', '=', tenant);
}

function conditionsOf(query: PictureQuery): Expression<SqlBool>[] {
  const { after, text, model, lora, width, height, since, until, isStarred, tag, generationId, bulkId } = query;
  const { minScore, maxScore } = query;
  const found: Expression<SqlBool>[] = [];
  if (after !== undefined) found.push(sql`jobs.id < ${after}`);
  if (generationId !== undefined) found.push(sql`jobs.generation_id = ${generationId}`);
  if (bulkId !== undefined) {
    const whose = query.tenantId === undefined ? sql`` : sql`and tenant_id = ${query.tenantId}`;
    found.push(sql`jobs.generation_id in (select generation_id from bulk_rows where bulk_id = ${bulkId} ${whose})`);
  }
  if (text !== undefined) found.push(sql`lower(generations.prompt) like ${containing(text.toLowerCase())} escape '\\'`);
  if (model !== undefined) found.push(sql`generations.model = ${model}`);
  // The text that JSON.stringify writes.
  if (lora !== undefined) {
    found.push(sql`generations.extras like ${containing(`"name":${JSON.stringify(lora)},`)} escape '\\'`);
  }
  if (width !== undefined) found.push(sql`assets.width = ${width}`);
  if (height !== undefined) found.push(sql`assets.height = ${height}`);
  if (since !== undefined) found.push(sql`jobs.created_at >= ${since}`);
  if (until !== undefined) found.push(sql`jobs.created_at < ${until}`);
  if (minScore !== undefined) found.push(sql`jobs.score >= ${minScore}`);
  if (maxScore !== undefined) found.push(sql`jobs.score <= ${maxScore}`);
  if (isStarred !== undefined) found.push(sql`coalesce(picture_marks.starred, 0) = ${isStarred ? 1 : 0}`);
  if (tag !== undefined) {
    const whose = query.tenantId === undefined ? sql`` : sql`and tenant_id = ${query.tenantId}`;
    found.push(sql`jobs.id in (select job_id from picture_tags where tag = ${tag} ${whose})`);
  }
  return found;
}

function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}
