/**
 * What the use cases need of the gallery: the pictures that were drawn, with what their owners noted about them.
 *
 * - *mark*: a star, tags, and whether a picture was taken out of the gallery. Its bytes and records stay.
 */
import type { Asset } from '../domain/asset.ts';
import type { Generation } from '../domain/generation.ts';
import type { BulkId, GenerationId, JobId, TenantId } from '../domain/ids.ts';
import type { SucceededJob } from '../domain/job.ts';

export interface PictureRecord {
  readonly job: SucceededJob;
  readonly generation: Generation;
  readonly asset: Asset;
  readonly isStarred: boolean;
  /** In the order of the alphabet. */
  readonly tags: readonly string[];
}

export interface PictureQuery {
  /** Undefined for the pictures of all tenants. */
  readonly tenantId: TenantId | undefined;
  readonly limit: number;
  /** Only those older than this one. */
  readonly after?: JobId | undefined;
  /** A part of the prompt. */
  readonly text?: string | undefined;
  readonly model?: string | undefined;
  /** Name of a LoRA it was drawn with. */
  readonly lora?: string | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Accepted at this time or later, in ms. */
  readonly since?: number | undefined;
  /** Accepted before, in ms. */
  readonly until?: number | undefined;
  /** Score of the aesthetic model: at least, and at most. Pictures without a score are in neither. */
  readonly minScore?: number | undefined;
  readonly maxScore?: number | undefined;
  readonly isStarred?: boolean | undefined;
  readonly tag?: string | undefined;
  readonly generationId?: GenerationId | undefined;
  readonly bulkId?: BulkId | undefined;
}

export interface PictureMarks {
  readonly isStarred?: boolean | undefined;
  /** A time takes pictures out of the gallery, null brings them back. */
  readonly deletedAt?: number | null | undefined;
  readonly addTags: readonly string[];
  readonly removeTags: readonly string[];
}

export interface GalleryReader {
  /** Newest first, without those that were taken out. */
  list(query: PictureQuery): Promise<readonly PictureRecord[]>;
  /** Those of the ids that are in the tenant's gallery, newest first. */
  find(tenantId: TenantId, ids: readonly JobId[]): Promise<readonly PictureRecord[]>;
}

export interface GalleryTransaction {
  /** Changes the marks of those of the ids that are pictures of the tenant; gives how many they are. */
  mark(tenantId: TenantId, ids: readonly JobId[], marks: PictureMarks): Promise<number>;
}
