import type { LoraUse, PictureFormat } from '../domain/generation.ts';
import type { JobFault } from '../domain/job.ts';
import type { Precision } from '../domain/model.ts';
import type { Notice } from '../domain/notice.ts';
import type { VisibleMark } from '../domain/provenance/label-policy.ts';
import type { PictureMeasures } from '../domain/quality/measures.ts';
import type { OversizePolicy } from '../domain/size-policy.ts';
import type { Warning } from '../domain/warning.ts';

/** A model in one precision. */
export interface ModelChoice {
  /** Folder of the checkpoint. */
  readonly modelPath: string;
  /** Undefined leaves it to the engine, on devices that hold weights in one way only. */
  readonly precision: Precision | undefined;
}

/** A model that is in the memory of an engine, on its way there, or could not be loaded when it was last tried. */
export interface HeldModel extends ModelChoice {
  readonly state: 'loading' | 'loaded' | 'failed';
  /** Memory that its weights take; 0 until it is loaded, and for mapped weights. */
  readonly bytes: number;
  /** Last time a picture was drawn with it, or that it was loaded; warm-ups do not count. */
  readonly lastUsedAt: number;
  /** Pictures that are being drawn with it; it is not unloaded before they are done. */
  readonly users: number;
  /** Why it could not be loaded. */
  readonly problem: JobFault | undefined;
}

/** One picture to draw: all settings fixed, nothing left to default. */
export interface EngineItem extends ModelChoice {
  /** Unique among the items that the engine holds. */
  readonly id: string;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly steps: number;
  /** In the model's own convention: pos + s·(pos − neg); 0 is off. */
  readonly guidanceScale: number;
  readonly format: PictureFormat;
  /** 1 to 100, for jpeg and webp. */
  readonly quality: number;
  /** Words that are drawn into a corner of the picture. */
  readonly mark?: VisibleMark | undefined;
  readonly previews: boolean;
  readonly loras: readonly (Pick<LoraUse, 'strength'> & { readonly path: string })[];
  /** The picture to start from, as a file, with its mask. @default none */
  readonly source?: SourcePicture | undefined;
  /** Work is shared between items of one scope only: whose prompts are known must not show in how long others wait. */
  readonly cacheScope: string;
  /** Items of a lower rank go first, from the next step on; the engine parks others for them. */
  readonly rank: number;
  /** `fit`: may be drawn smaller when the device's memory holds no more. */
  readonly oversize: OversizePolicy;
}

export interface SourcePicture {
  readonly image: Uint8Array;
  readonly strength: number;
  readonly mask?: Uint8Array | undefined;
}

export interface EngineTimings {
  /** Model load caused by this item, 0 when it was loaded. */
  readonly loadMs: number;
  readonly encodeMs: number;
  readonly denoiseMs: number;
  /** What the picture cost the device: its share of every batch, previews and decoding. Absent when not measured. */
  readonly deviceMs?: number | undefined;
  readonly decodeMs: number;
  /** The part of `decodeMs` that the device was busy with. Absent when not measured. */
  readonly pixelsMs?: number | undefined;
  /** Pictures that moved together, on average over its steps. Absent when not measured. */
  readonly meanBatch?: number | undefined;
  /** From the engine's receipt of the item to the encoded picture. */
  readonly totalMs: number;
}

export interface DrawnPicture {
  readonly image: Uint8Array;
  readonly mediaType: string;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly steps: number;
  readonly executionProvider: string;
  readonly timings: EngineTimings;
  /** What was done another way than asked, so that it could be drawn. @default none */
  readonly warnings?: readonly Warning[] | undefined;
  /** For the quality gate. Absent where nothing was drawn, as on the fixed-time device. */
  readonly measures?: PictureMeasures | undefined;
}

export type DrawOutcome =
  | { readonly kind: 'finished'; readonly picture: DrawnPicture }
  | { readonly kind: 'failed'; readonly fault: JobFault }
  | { readonly kind: 'cancelled' };

/** Told what happens to one item until its outcome. */
export interface DrawObserver {
  step(step: number, steps: number): void;
  preview(preview: { readonly step: number; readonly mediaType: string; readonly image: Uint8Array }): void;
}

/** `starting` · `ready` · `restarting` after a crash · `broken`: could not start, is tried again · `closed`. */
export type EngineState = 'starting' | 'ready' | 'restarting' | 'broken' | 'closed';

export interface EngineStatus {
  readonly state: EngineState;
  /** As configured. */
  readonly device: string;
  readonly executionProvider: string | undefined;
  readonly slots: number;
  /** Times the process ended unasked. */
  readonly crashes: number;
  /** Why it is not ready. */
  readonly problem: JobFault | undefined;
  /** What it noticed at the start, e.g. a fall-back. */
  readonly notes: readonly Notice[];
  /** What is in its memory. */
  readonly models: readonly HeldModel[];
}

export interface DeviceMemoryFacts {
  readonly source: 'nvml' | 'system';
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Left to others. */
  readonly reserveBytes: number;
}

/** What draws. Never throws: whatever goes wrong is an outcome or a status. */
export interface DrawingEngine {
  readonly status: EngineStatus;
  /** Resolves when the item has ended; with `engine_crashed` when the process ended under it. */
  draw(item: EngineItem, observer: DrawObserver): Promise<DrawOutcome>;
  /** The item ends as cancelled at the next step border, or as finished if it was faster. */
  cancel(itemId: string): void;
  /** Loads a model ahead of its first item. Resolves when it is there, or with the reason why it is not. */
  load(model: ModelChoice): Promise<JobFault | undefined>;
  /** Drops a model; resolves with `model_in_use` when it is being drawn with. */
  unload(model: ModelChoice): Promise<JobFault | undefined>;
  /** Called after every change of the status; the result ends it. */
  onChange(listener: (status: EngineStatus) => void): () => void;
}

/** An engine in the hands of who started it. */
export interface OwnedEngine extends DrawingEngine {
  /** Prepares models, in idle moments, for pictures with adapters. Absent where there is nothing to prepare. */
  expectLoras?(): void;
  /** Of the process that draws, where this machine has one. */
  readonly pid?: number | undefined;
  /** Ends it; what it was drawing ends as cancelled. */
  close(): Promise<void>;
}
