/** What retention needs of the store: what is old enough to go, in portions, and its removal. */
import type { AssetId, ContentHash, GenerationId, TenantId } from '../domain/ids.ts';
import type { RetentionChange } from '../domain/retention/retention.ts';

export interface OldQuery<Id> {
  readonly tenantId: TenantId;
  /** ms since 1970; older ones go. */
  readonly before: number;
  /** The last one that was looked at. */
  readonly after: { readonly at: number; readonly id: Id } | undefined;
  readonly limit: number;
}

export interface OldPicture {
  readonly id: AssetId;
  readonly at: number;
  readonly sha256: ContentHash;
  readonly isStarred: boolean;
}

export interface OldGeneration {
  readonly id: GenerationId;
  readonly at: number;
  readonly hasStarred: boolean;
}

export interface RetentionReader {
  retentionOf(tenantId: TenantId): Promise<RetentionChange | undefined>;
  /** Pictures of a tenant, drawn or uploaded, oldest first. */
  oldPictures(query: OldQuery<AssetId>): Promise<readonly OldPicture[]>;
  /** Generations that have ended, oldest first. */
  oldGenerations(query: OldQuery<GenerationId>): Promise<readonly OldGeneration[]>;
  /** Pictures that generations still to be drawn start from; undefined when more wait than can be looked at. */
  openSources(tenantId: TenantId): Promise<ReadonlySet<string> | undefined>;
  /** Those of the hashes that no record of any tenant names. */
  unusedHashes(hashes: readonly ContentHash[]): Promise<readonly ContentHash[]>;
}

export interface RetentionTransaction {
  retentionOf(tenantId: TenantId): Promise<RetentionChange | undefined>;
  saveRetention(tenantId: TenantId, retention: RetentionChange | undefined): Promise<void>;
  removePictures(tenantId: TenantId, ids: readonly AssetId[]): Promise<void>;
  /** With jobs, attempts, events, marks and pictures; gives the hashes of the pictures. */
  removeGenerations(tenantId: TenantId, ids: readonly GenerationId[]): Promise<readonly ContentHash[]>;
}

/** Takes bytes away for good. */
export interface PictureRemover {
  /** False when somebody stored the same bytes again a moment ago, or they are not there. */
  remove(sha256: ContentHash): Promise<boolean>;
}
