/**
 * What is told of the work while it is done, for metrics and alerts. Every call returns at once, never throws, and
 * carries no prompt.
 */
import type { GenerationId, JobId, TenantId } from '../domain/ids.ts';
import type { JobTimings, PriorityClass } from '../domain/job.ts';

/**
 * `reused`: a picture that was drawn before was given. `redrawn`, `held`: the quality gate wants another seed, or a
 * review. `released`: handed back. `lost`: somebody else had the job.
 */
export type AttemptOutcome = 'succeeded' | 'reused' | 'redrawn' | 'held' | 'failed' | 'cancelled' | 'released' | 'lost';

/** Which attempt it was, and when; ms since 1970. */
export interface AttemptTrace {
  readonly generationId: GenerationId;
  readonly jobId: JobId;
  /** From 1. */
  readonly attempt: number;
  /** When the job was accepted. */
  readonly createdAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** One try at a job that a worker of this process ended. */
export interface EndedAttempt {
  readonly outcome: AttemptOutcome;
  /** Undefined when the job was lost. */
  readonly job: { readonly tenantId: TenantId; readonly priority: PriorityClass } | undefined;
  /** Why it failed. */
  readonly code: string | undefined;
  /** Of an attempt that gave a picture. */
  readonly timings: JobTimings | undefined;
  readonly picture: DrawnFacts | undefined;
  /** Undefined when the job was lost. */
  readonly trace: AttemptTrace | undefined;
}

export interface DrawnFacts {
  readonly model: string;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  /** What the picture cost the device. */
  readonly deviceMs: number;
  /** Pictures that moved together, on average over its steps. @default not measured */
  readonly meanBatch?: number | undefined;
  /** The part of decoding that the device was busy with. @default not measured */
  readonly pixelsMs?: number | undefined;
  /** Codes of what was done another way than asked. */
  readonly warnings: readonly string[];
}

/** A message that was tried to be sent to somebody outside. */
export interface SentMessage {
  readonly channel: 'webhook' | 'mail' | 'chat';
  readonly isDelivered: boolean;
}

export interface Telemetry {
  attemptEnded(attempt: EndedAttempt): void;
  /** A picture left the engine of a device. */
  pictureDrawn(picture: {
    readonly device: string;
    readonly meanBatch: number | undefined;
    readonly loadMs: number;
  }): void;
  /** An item moved one step. */
  stepDone(device: string): void;
  messageSent(message: SentMessage): void;
  /** Jobs of silent workers went back to the queue. */
  leasesExpired(count: number): void;
}
