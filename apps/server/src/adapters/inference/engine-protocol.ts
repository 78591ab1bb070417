/**
 * Messages between the parent process and an engine process (Node IPC, `serialization: 'advanced'`).
 *
 * Life of an engine process: the parent forks it with {@link EngineOptions} in its first message; it answers `ready`
 * or `broken`. From then on the parent submits items at any time; the engine holds up to `slots` of them and moves
 * them step by step. Each item ends in exactly one of `finished`, `failed`, `cancelled`. A process that exits ends
 * its open items as failed with `engine_crashed`, which is for the parent to notice. A process whose parent is gone
 * (`disconnect`) exits; it ignores SIGINT and SIGTERM, since the parent says when to close.
 */

import type { BatchLimit } from '@imagemill/diffusion';
import type { PictureScorerOptions } from '@imagemill/diffusion/onnxruntime';
import type { DrawnPicture, EngineItem, ModelChoice } from '../../application/engine-port.ts';
import type { JobFault } from '../../domain/job.ts';
import type { Precision } from '../../domain/model.ts';
import type { Notice } from '../../domain/notice.ts';

export interface EngineOptions {
  /** `cpu`, `webgpu`, `cuda:0`, or `fixed:250` (250 ms a picture, no arithmetic; for load tests). */
  readonly device: string;
  /**
   * How weights are held where an item does not say it, see docs/numerics.md; `auto` packs a model that fits well into
   * the memory.
   */
  readonly weights: 'auto' | Precision;
  /** Threads of one session; 0 leaves it to the runtime. */
  readonly threads: number;
  /** Items that may be active at once. */
  readonly slots: number;
  /** Folder for caches; created if missing. */
  readonly cacheDir: string;
  /** Memory of the device that is left to others, in bytes. */
  readonly memoryReserveBytes: number;
  /** Encoded prompts that are kept. @default as the engine likes */
  readonly promptCache?: { readonly maxEntries: number; readonly maxBytes: number };
  readonly models: ModelRules;
  /** What finished pictures are looked at with. @default they are measured alone */
  readonly scorers?: Scorers | undefined;
}

/** Models of the operator that score pictures for the quality gate. */
export interface Scorers {
  readonly unsafe?: PictureScorerOptions | undefined;
  readonly aesthetic?: PictureScorerOptions | undefined;
}

/** What is kept in memory. */
export interface ModelRules {
  /** Models that are kept when nobody uses them. */
  readonly max: number;
  /** Memory that the weights of all models may take. */
  readonly maxBytes: number;
  /** A model that nobody used for this long is dropped; 0 keeps it. */
  readonly keepAliveMs: number;
  /** Pause between two warm-ups of an idle engine; 0 warms up after a load only. */
  readonly warmUpEveryMs: number;
  /** Whether an idle engine measures batch limits that are not known yet. */
  readonly calibrate: boolean;
}

/** How an order ended. */
export interface OrderAnswer {
  readonly fault: JobFault | undefined;
  /** Of `calibrate`. */
  readonly limits?: readonly BatchLimit[];
}

export type EngineCommand =
  | { readonly type: 'start'; readonly options: EngineOptions }
  | { readonly type: 'submit'; readonly item: EngineItem }
  | { readonly type: 'cancel'; readonly id: string }
  /** Answered with the same `order`. */
  | { readonly type: 'load' | 'unload' | 'calibrate'; readonly order: number; readonly model: ModelChoice }
  /** Adapters are there, so pictures with some may come. */
  | { readonly type: 'expectLoras' }
  | { readonly type: 'close' };

/** What becomes of an item. */
export type ItemEvent =
  | { readonly type: 'started'; readonly id: string }
  | { readonly type: 'step'; readonly id: string; readonly step: number; readonly steps: number }
  | {
      readonly type: 'preview';
      readonly id: string;
      readonly step: number;
      readonly mediaType: string;
      readonly image: Uint8Array;
    }
  /** With the hash of the picture's bytes, so that what is stored is what was drawn. */
  | ({ readonly type: 'finished'; readonly id: string; readonly sha256: string } & DrawnPicture)
  | { readonly type: 'failed'; readonly id: string; readonly fault: JobFault }
  | { readonly type: 'cancelled'; readonly id: string };

export type EngineEvent =
  | ItemEvent
  | {
      readonly type: 'ready';
      readonly device: string;
      readonly executionProvider: string;
      readonly notes: readonly Notice[];
    }
  | { readonly type: 'broken'; readonly fault: JobFault }
  | { readonly type: 'loaded'; readonly model: ModelChoice; readonly ms: number; readonly bytes: number }
  | { readonly type: 'unloaded'; readonly model: ModelChoice }
  | ({ readonly type: 'answer'; readonly order: number } & OrderAnswer)
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };
