/**
 * What the use cases need of the queue: the part of the store that decides which job is next.
 *
 * - *class*: interactive, standard or bulk; each has a virtual time and the device time it was given.
 * - *account*: where a tenant stands in a class; see `domain/scheduling/fair-share.ts`.
 * - *ready*: a queued job that is not held back by a pause before its next attempt.
 * - *offered*: a ready job that was laid out for the workers beside the records; it has left the line, not the queue.
 */
import type { GenerationId, JobId, KeyId, TenantId } from '../domain/ids.ts';
import type { Job, PriorityClass, QueuedJob } from '../domain/job.ts';
import type { Candidate } from '../domain/scheduling/batch.ts';
import type { CostRecord } from '../domain/scheduling/cost-model.ts';

export interface ClassState {
  /** Start tag of the job that entered service last. */
  readonly virtualTime: number;
  /** Device time in ms, as `Served` counts it. */
  readonly servedMs: number;
  /** Whether a job of this class is ready. */
  readonly isWaiting: boolean;
}

export interface QueueState {
  /** Since when nothing is claimed; undefined when the queue runs. */
  readonly pausedSince: number | undefined;
  readonly classes: Readonly<Record<PriorityClass, ClassState>>;
}

export interface AccountKey {
  readonly tenantId: TenantId;
  readonly priority: PriorityClass;
}

/** Which jobs that ended without a picture. */
export interface DeadLetterFilter {
  readonly state: 'dead' | 'failed';
  /** Code of the last fault. */
  readonly code?: string | undefined;
  readonly generationId?: GenerationId | undefined;
  /** Only those of one who asked, as `askerIdOf` tells them. */
  readonly askedBy?: string | undefined;
}

export interface DeadLetterQuery extends DeadLetterFilter {
  /** Undefined for those of all tenants. */
  readonly tenantId: TenantId | undefined;
  readonly limit: number;
  /** Only those older than this one. */
  readonly after?: JobId | undefined;
}

/** A key that a client gave to a request, so that it is carried out once however often it is sent. */
export interface IdempotencyRecord {
  readonly tenantId: TenantId;
  readonly key: string;
  /** SHA-256 of the body in canonical form. */
  readonly bodyHash: string;
  readonly generationId: GenerationId;
  readonly expiresAt: number;
}

export interface OfferedJob {
  readonly jobId: JobId;
  readonly tenantId: TenantId;
  readonly priority: PriorityClass;
  /** Name under which it was asked for. */
  readonly model: string;
  /** Lease tokens handed out so far. */
  readonly lastToken: number;
}

/** Changes of the queue inside a transaction; each is one statement over an index, whatever the queue's length. */
export interface QueueTransaction {
  state(): Promise<QueueState>;
  saveClass(priority: PriorityClass, state: Pick<ClassState, 'virtualTime' | 'servedMs'>): Promise<void>;
  /** Nothing is claimed from `since` on, until it is called with undefined. */
  setPaused(since: number | undefined): Promise<void>;
  /** Gives jobs whose pause is over their place in the line back; gives how many. */
  readyDue(now: number): Promise<number>;
  /** The same for jobs that would wait longer than any pause lasts, by more than the slack; gives how many. */
  readyImpossible(now: number, slackMs: number): Promise<number>;
  /** The first ready jobs of a class, by tag; those of the tenants and keys named are passed over. */
  candidates(query: {
    readonly priority: PriorityClass;
    readonly limit: number;
    readonly without: readonly TenantId[];
    /** @default none */
    readonly withoutKeys?: readonly KeyId[] | undefined;
    /** Only jobs of these models. @default any */
    readonly models?: ReadonlySet<string> | undefined;
  }): Promise<readonly Candidate[]>;
  /** Which of the jobs were asked for by one of the keys. */
  keysOf(jobs: readonly string[], keys: readonly KeyId[]): Promise<ReadonlyMap<string, KeyId>>;
  /** Running and offered jobs of the keys that have some. */
  runningByKey(keys: readonly KeyId[]): Promise<ReadonlyMap<KeyId, number>>;
  /** Jobs of each tenant that run or are offered. */
  runningByTenant(): Promise<ReadonlyMap<string, number>>;
  /** Takes ready jobs out of the line. */
  markOffered(ids: readonly JobId[]): Promise<void>;
  /** Puts offered jobs back where they were in the line, all of them when none is named; gives how many. */
  takeBack(ids?: readonly JobId[]): Promise<number>;
  account(key: AccountKey): Promise<{ readonly virtualTime: number; readonly account: number }>;
  saveAccount(key: AccountKey, account: number): Promise<void>;
  /** Gives device time back that was charged for a job which left the class unserved. */
  refund(key: AccountKey, ms: number): Promise<void>;
  saveCost(record: CostRecord): Promise<void>;
  deadLetters(query: DeadLetterQuery): Promise<readonly Job[]>;
  findIdempotencyKey(tenantId: TenantId, key: string): Promise<IdempotencyRecord | undefined>;
  /** Replaces a record of the same key. */
  saveIdempotencyKey(record: IdempotencyRecord): Promise<void>;
  /** Forgets some of the keys that ended before the time; gives how many. */
  forgetIdempotencyKeys(query: { readonly now: number; readonly limit: number }): Promise<number>;
}

export interface ClassCounts {
  /** Ready to be claimed. */
  readonly queued: number;
  /** Wait for their next attempt. */
  readonly backingOff: number;
  readonly running: number;
  /** Predicted device time of those that wait, in ms. */
  readonly costMs: number;
  /** When the oldest of those that wait was accepted. */
  readonly oldestAt: number | undefined;
}

export interface QueueFacts {
  readonly pausedSince: number | undefined;
  readonly classes: Readonly<Record<PriorityClass, ClassCounts>>;
  /** Out of attempts. */
  readonly dead: number;
}

/** What is ahead of a job that waits. */
export interface AheadOf {
  /** Jobs that are served first as things stand, counted up to a limit. */
  readonly jobs: number;
  readonly isLimitReached: boolean;
  /** Their predicted device time, in ms. */
  readonly costMs: number;
}

/** What a claim asks for. */
export interface WhichReady {
  /** @default any class */
  readonly only?: PriorityClass | undefined;
  /** @default any model */
  readonly models?: ReadonlySet<string> | undefined;
}

/** Questions about the queue. */
export interface QueueReader {
  /** Whether a claim could find something. */
  hasReady(now: number, which?: WhichReady): Promise<boolean>;
  /** Whether a running job has lost its lease. */
  hasExpired(now: number): Promise<boolean>;
  /** Models that jobs wait for, with how many of the first in line do. */
  waitingModels(): Promise<ReadonlyMap<string, number>>;
  /** Jobs that are laid out and that nobody has claimed yet, the oldest first. */
  offered(query: { readonly limit: number }): Promise<readonly OfferedJob[]>;
  facts(): Promise<QueueFacts>;
  /** Whether somebody has paused the whole queue. */
  isPaused(): Promise<boolean>;
  aheadOf(job: QueuedJob): Promise<AheadOf>;
  deadLetters(query: DeadLetterQuery): Promise<readonly Job[]>;
  costs(): Promise<readonly CostRecord[]>;
  /** Jobs that each worker draws now. */
  runningByWorker(): Promise<ReadonlyMap<string, number>>;
  findIdempotencyKey(tenantId: TenantId, key: string): Promise<IdempotencyRecord | undefined>;
}
