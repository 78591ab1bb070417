/**
 * What the use cases need from outside.
 *
 * - *store*: the records of generations, jobs, attempts, pictures and events. It is the truth; all else can be rebuilt.
 * - *queue*: the part of the store that decides which job is next; see `queue-ports.ts`.
 * - *transaction*: a group of changes that are all there or not at all, also after a loss of power.
 * - *feed*: the events of a generation, past and to come, with ids that only rise.
 * - *picture store*: bytes, addressed by their SHA-256.
 * - *engine*: what draws, in a process of its own; see `engine-port.ts`.
 */

import type { Asset } from '../domain/asset.ts';
import type { NumberedEvent, PassingEvent, StoredEvent } from '../domain/event.ts';
import type { Generation, GenerationState, JobCounts } from '../domain/generation.ts';
import type { AssetId, ContentHash, GenerationId, JobId, TenantId } from '../domain/ids.ts';
import type { Job, JobFault, QueuedJob, RunningJob } from '../domain/job.ts';
import type { ModelFacts } from '../domain/model.ts';
import type { Notice } from '../domain/notice.ts';
import type { AccessReader, AccessTransaction } from './access-ports.ts';
import type { AlertReader, AlertTransaction } from './alert-ports.ts';
import type { BulkReader, BulkTransaction } from './bulk-ports.ts';
import type { OptionsOwner } from './client-options.ts';
import type { GalleryReader, GalleryTransaction } from './gallery-ports.ts';
import type { LoraUpload } from './lora-ports.ts';
import type { Template } from './manage-templates.ts';
import type { OrderReader, OrderTransaction } from './order-ports.ts';
import type { QualityReader, QualityTransaction } from './quality-ports.ts';
import type { QueueReader, QueueTransaction } from './queue-ports.ts';
import type { RetentionReader, RetentionTransaction } from './retention-ports.ts';
import type { UsageReader, UsageTransaction } from './usage-ports.ts';
import type { WebhookReader, WebhookTransaction } from './webhook-ports.ts';

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs the function once after a time; the result calls it off. */
  after(ms: number, run: () => void): () => void;
}

export interface IdSource {
  /** An id that sorts after every id given out before by this process. */
  next(): string;
}

export interface SeedSource {
  /** A seed nobody asked for, 0 to 2^32 − 1. */
  pick(): number;
}

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A job as it is shown: with its picture, and how many steps its generation has. */
export interface JobRecord {
  readonly job: Job;
  readonly asset: Asset | undefined;
  readonly steps: number;
}

export interface GenerationRecord {
  readonly generation: Generation;
  /** By index. */
  readonly jobs: readonly JobRecord[];
}

/** One try at a job that has ended. */
export interface AttemptRecord {
  readonly tenantId: TenantId;
  readonly jobId: JobId;
  readonly number: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly outcome: 'succeeded' | 'failed' | 'cancelled' | 'interrupted';
  readonly fault: JobFault | undefined;
}

export interface GenerationQuery {
  /** Undefined for those of all tenants. */
  readonly tenantId: TenantId | undefined;
  /** Only those of one who asked, as `askerIdOf` tells them. */
  readonly askedBy?: string | undefined;
  readonly limit: number;
  /** Only those older than this one. */
  readonly after?: GenerationId | undefined;
  readonly state?: GenerationState | undefined;
}

/**
 * Changes of one transaction. Await nothing but these methods inside of one.
 * Every method may throw `disk_full` or `storage_failed`; then nothing of the transaction is kept.
 */
export interface StoreTransaction {
  readonly queue: QueueTransaction;
  readonly access: AccessTransaction;
  readonly usage: UsageTransaction;
  readonly webhooks: WebhookTransaction;
  readonly gallery: GalleryTransaction;
  readonly bulks: BulkTransaction;
  readonly orders: OrderTransaction;
  /** In place of what was kept for the owner before. */
  saveClientOptions(owner: OptionsOwner, options: Readonly<Record<string, unknown>>): Promise<void>;
  /** In place of the one of the same name. */
  saveTemplate(template: Template): Promise<void>;
  removeTemplate(which: Pick<Template, 'tenantId' | 'name'>): Promise<void>;
  /** Puts an upload on record; gives the one that has its name already instead, if there is one. */
  addLoraUpload(upload: LoraUpload): Promise<LoraUpload | undefined>;
  /** Takes an upload off the records; gives what it was. */
  removeLoraUpload(which: Pick<LoraUpload, 'tenantId' | 'name'>): Promise<LoraUpload | undefined>;
  readonly quality: QualityTransaction;
  readonly retention: RetentionTransaction;
  readonly alerts: AlertTransaction;
  insertGeneration(generation: Generation, jobs: readonly QueuedJob[]): Promise<void>;
  loadJob(tenantId: TenantId, id: JobId): Promise<Job | undefined>;
  /** Jobs of a generation that are not final, by index. */
  loadOpenJobs(tenantId: TenantId, id: GenerationId): Promise<readonly Job[]>;
  /** Queued jobs with what they belong to, in the order of the ids; skips those that are not queued any more. */
  loadClaimable(ids: readonly JobId[]): Promise<readonly ClaimableJob[]>;
  /** Running jobs whose lease ended before the time. */
  loadExpired(query: { readonly now: number; readonly limit: number }): Promise<readonly RunningJob[]>;
  loadRunning(query: { readonly limit: number }): Promise<readonly RunningJob[]>;
  /** Writes a changed job if it still is in the state and under the lease token of `before`; false when it is not. */
  saveJob(before: Job, after: Job): Promise<boolean>;
  /** The same for jobs that were read in this transaction, many that change alike in one statement; gives those saved. */
  saveJobs(changes: readonly ChangedJob[]): Promise<ReadonlySet<JobId>>;
  /** Counts jobs of generations elsewhere; gives the new counts and the state on record. */
  moveCounts(
    jobs: ReadonlyMap<GenerationId, number>,
    from: keyof JobCounts,
    to: keyof JobCounts,
  ): Promise<ReadonlyMap<GenerationId, { readonly counts: JobCounts; readonly state: GenerationState }>>;
  setGenerationState(id: GenerationId, state: GenerationState, finishedAt: number | undefined): Promise<void>;
  addAttempt(attempt: AttemptRecord): Promise<void>;
  addAsset(asset: Asset): Promise<void>;
  loadAsset(tenantId: TenantId, id: AssetId): Promise<Asset | undefined>;
  /** Remembers what was drawn for a key, in place of what was before; the oldest go beyond the bound. */
  rememberResult(result: RememberedResult, maxEntries: number): Promise<void>;
  /** Numbers the events and stores them; readers get them once the transaction is kept. */
  appendEvents(events: readonly StoredEvent[]): Promise<void>;
}

/** A picture under the hash of all that it was drawn from. */
export interface RememberedResult {
  readonly tenantId: TenantId;
  readonly key: string;
  readonly assetId: AssetId;
  readonly at: number;
}

export interface ChangedJob {
  readonly before: Job;
  readonly after: Job;
}

export interface ClaimableJob {
  readonly job: QueuedJob;
  readonly generation: Generation;
}

export interface Store {
  readonly queue: QueueReader;
  readonly access: AccessReader;
  readonly usage: UsageReader;
  readonly webhooks: WebhookReader;
  readonly gallery: GalleryReader;
  readonly bulks: BulkReader;
  readonly orders: OrderReader;
  readonly quality: QualityReader;
  readonly retention: RetentionReader;
  readonly alerts: AlertReader;
  /** Runs the changes in one transaction; returns when they are on disk. Calls of the same moment share a commit. */
  transact<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T>;
  findGeneration(tenantId: TenantId, id: GenerationId): Promise<GenerationRecord | undefined>;
  /** Newest first. */
  listGenerations(query: GenerationQuery): Promise<readonly GenerationRecord[]>;
  findJob(tenantId: TenantId, id: JobId): Promise<JobRecord | undefined>;
  listAttempts(tenantId: TenantId, id: JobId): Promise<readonly AttemptRecord[]>;
  findAsset(tenantId: TenantId, id: AssetId): Promise<Asset | undefined>;
  /** Whosever it is: for addresses whose signature was checked. */
  findLinkedAsset(id: AssetId): Promise<Asset | undefined>;
  /** Settings that a client of a compatible API keeps; empty when it set none. */
  findClientOptions(owner: OptionsOwner): Promise<Readonly<Record<string, unknown>>>;
  /** By name. */
  listTemplates(tenantId: TenantId): Promise<readonly Template[]>;
  /** Of all tenants. Empty where uploads are in a folder that all processes share. */
  listLoraUploads(): Promise<readonly LoraUpload[]>;
  /** The picture that is remembered for a key. */
  findResult(tenantId: TenantId, key: string): Promise<Asset | undefined>;
  /** One of the tenant's pictures with these bytes. */
  findAssetByHash(tenantId: TenantId, sha256: ContentHash): Promise<Asset | undefined>;
  countJobs(): Promise<{ readonly queued: number; readonly running: number }>;
}

export interface EventFeed {
  /** Events after the one named, oldest first. Passing events only as far as they are still in memory. */
  past(tenantId: TenantId, id: GenerationId, afterId: number): Promise<readonly NumberedEvent[]>;
  /** Events from now on, in the order of their ids; the result ends it. */
  subscribe(id: GenerationId, listener: (event: NumberedEvent) => void): () => void;
  publish(event: PassingEvent): void;
  /** Steps that the running attempt has done; 0 when unknown. */
  stepOf(id: JobId): number;
}

export interface StoredPicture {
  readonly sha256: ContentHash;
  readonly sizeBytes: number;
}

/** Bytes by content. Repeats are kept once. */
export interface PictureStore {
  /** Kept for good when it returns. @throws AppError whose code `isStorageFault` knows */
  put(bytes: Uint8Array): Promise<StoredPicture>;
  /** A stream of the bytes, both ends included; undefined when they are not there. */
  open(sha256: ContentHash, range?: { readonly start: number; readonly end: number }): Promise<ByteStream | undefined>;
  /** An address from which a browser gets the bytes without this server, for a while; undefined when there is none. */
  linkTo(sha256: ContentHash, options: LinkOptions): Promise<PictureLink | undefined>;
}

export interface PictureLink {
  readonly url: string;
  readonly goodForSeconds: number;
}

/** What the answer to a link says of the bytes. */
export interface LinkOptions {
  readonly mediaType: string;
  /** Letters, digits, `.` and `-`. */
  readonly fileName: string;
  /** It is good for no longer than this. */
  readonly mostSeconds: number;
}

export interface ByteStream extends AsyncIterable<Uint8Array> {
  destroy(): void;
}

export interface Disk {
  /** Bytes that may still be written where records and pictures are kept. */
  freeBytes(): Promise<number>;
  /** Below this nothing new is accepted. */
  readonly minFreeBytes: number;
}

export type ModelEntry =
  | { readonly kind: 'usable'; readonly facts: ModelFacts }
  | { readonly kind: 'unusable'; readonly name: string; readonly path: string; readonly problem: Notice };

export interface ModelCatalog {
  /** The first usable one is the default. */
  list(): readonly ModelEntry[];
}
