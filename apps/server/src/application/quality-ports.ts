/**
 * What the quality gate needs of the store.
 *
 * - *review*: a picture that the gate held back or marked, until a person decides about it and after.
 * - *hash*: the perceptual hash of a picture, for the search for near-duplicates.
 */
import type { Asset } from '../domain/asset.ts';
import type { Generation } from '../domain/generation.ts';
import type { AssetId, GenerationId, JobId, TenantId } from '../domain/ids.ts';
import type { JobTimings } from '../domain/job.ts';
import type { KnownPicture, PictureQuality } from '../domain/quality/judge.ts';
import type { QualityCheck, QualityPolicyChange } from '../domain/quality/policy.ts';
import type { SharpnessNormal } from '../domain/quality/sharpness-normal.ts';
import type { Warning } from '../domain/warning.ts';

export type ReviewState = 'open' | 'accepted' | 'rejected' | 'redrawn';

export interface Review {
  readonly jobId: JobId;
  readonly tenantId: TenantId;
  readonly generationId: GenerationId;
  readonly state: ReviewState;
  /** Whether the picture does not count before it is accepted. */
  readonly isHeld: boolean;
  readonly seed: number;
  readonly assetId: AssetId;
  readonly quality: PictureQuality;
  /** What a picture that was held back has when it is accepted. */
  readonly timings: JobTimings;
  readonly warnings: readonly Warning[];
  readonly createdAt: number;
  readonly decidedAt: number | undefined;
  /** Name of who decided. */
  readonly decidedBy: string | undefined;
}

/** A review as it is shown. */
export interface ReviewRecord {
  readonly review: Review;
  readonly generation: Generation;
  /** Undefined once it was removed. */
  readonly asset: Asset | undefined;
}

export interface ReviewQuery {
  readonly tenantId: TenantId;
  readonly state: ReviewState;
  readonly limit: number;
  /** Only those older than this one. */
  readonly after?: JobId | undefined;
  readonly isHeld?: boolean | undefined;
  readonly check?: QualityCheck | undefined;
}

export interface PictureHash extends KnownPicture {
  readonly jobId: JobId;
  readonly tenantId: TenantId;
}

export interface QualityReader {
  /** What tenants changed of the installation's policy. */
  policyOf(tenantId: TenantId): Promise<QualityPolicyChange | undefined>;
  normals(): Promise<readonly SharpnessNormal[]>;
  /** Of the tenant's latest pictures. */
  latestHashes(query: { readonly tenantId: TenantId; readonly limit: number }): Promise<readonly PictureHash[]>;
  /** Newest first. */
  reviews(query: ReviewQuery): Promise<readonly ReviewRecord[]>;
  findReview(tenantId: TenantId, id: JobId): Promise<ReviewRecord | undefined>;
}

export interface QualityTransaction {
  policyOf(tenantId: TenantId): Promise<QualityPolicyChange | undefined>;
  /** Undefined goes back to the installation's. */
  savePolicy(tenantId: TenantId, policy: QualityPolicyChange | undefined): Promise<void>;
  saveNormal(normal: SharpnessNormal): Promise<void>;
  addHash(hash: PictureHash): Promise<void>;
  loadReview(tenantId: TenantId, id: JobId): Promise<Review | undefined>;
  /** In place of an earlier one of the job. */
  saveReview(review: Review): Promise<void>;
}
