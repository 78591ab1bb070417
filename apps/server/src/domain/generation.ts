import type { AssetId, ContentHash, GenerationId, TenantId } from './ids.ts';
import type { Job, PriorityClass } from './job.ts';
import type { OversizePolicy } from './size-policy.ts';
import type { Warning } from './warning.ts';

/** An adapter that a picture is drawn with. */
export interface LoraUse {
  /** As it was asked for. */
  readonly name: string;
  /** Of the file that the name stood for when the generation was accepted, in hex. */
  readonly sha256: string;
  /** 1 as trained, 0 not at all, negative the other way. */
  readonly strength: number;
}

/** A stored picture that others are drawn from; its hash is that of the asset when the generation was accepted. */
export interface MaskUse {
  readonly assetId: AssetId;
  readonly sha256: ContentHash;
}

/** The picture to start from. */
export interface ImageUse extends MaskUse {
  /** Above 0 to 1: the share of the steps that is drawn. */
  readonly strength: number;
}

export type PictureFormat = 'png' | 'jpeg' | 'webp';

/** What to draw: every setting fixed when the generation is accepted. */
export interface PictureSettings {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  /** In the model's own convention: pos + s·(pos − neg); 0 is off. */
  readonly guidanceScale: number;
  readonly model: string;
  readonly format: PictureFormat;
  /** 1 to 100, for jpeg and webp. */
  readonly quality: number;
  readonly loras: readonly LoraUse[];
  /** @default none: the picture starts at noise */
  readonly image?: ImageUse | undefined;
  /** White is repainted. @default all of the image is */
  readonly mask?: MaskUse | undefined;
}

export type GenerationState = 'queued' | 'running' | 'succeeded' | 'partial' | 'failed' | 'cancelled';

/** Jobs of a generation by state; they add up to its count. */
export interface JobCounts {
  readonly queued: number;
  readonly running: number;
  readonly succeeded: number;
  /** Failed and dead. */
  readonly failed: number;
  readonly cancelled: number;
}

/** What a client asked for: settings and a number of pictures, one job each. */
export interface Generation extends PictureSettings {
  readonly id: GenerationId;
  readonly tenantId: TenantId;
  /** As `askerIdOf` tells it. @default the machine itself */
  readonly askedBy?: string | undefined;
  readonly state: GenerationState;
  readonly createdAt: number;
  readonly finishedAt: number | undefined;
  readonly count: number;
  /** Of picture 0; picture i has seed + i. */
  readonly seed: number;
  readonly priority: PriorityClass;
  /** When the pictures are wanted. */
  readonly dueAt: number | undefined;
  readonly maxAttempts: number;
  /** Pause before a failed attempt is repeated. */
  readonly backOffMs: number;
  /** Whether a picture may be drawn smaller when it does not fit into the device's memory. */
  readonly oversize: OversizePolicy;
  /** What was changed about the request. */
  readonly warnings: readonly Warning[];
}

/** Steps that the model computes: with a picture to start from, its strength decides. */
export function drawnSteps({ steps, image }: Pick<PictureSettings, 'steps' | 'image'>): number {
  return steps - Math.floor(Math.max(steps - steps * (image?.strength ?? 1), 0));
}

/** Where a job in this state is counted. */
export function countedAs(state: Job['state']): keyof JobCounts {
  return state === 'dead' ? 'failed' : state;
}

/** State of a generation, as it follows from those of its jobs. */
export function generationState(counts: JobCounts): GenerationState {
  const final = counts.succeeded + counts.failed + counts.cancelled;
  if (counts.queued > 0 && counts.running === 0 && final === 0) return 'queued';
  if (counts.queued + counts.running > 0) return 'running';
  if (counts.failed + counts.cancelled === 0) return 'succeeded';
  if (counts.succeeded > 0) return 'partial';
  return counts.failed > 0 ? 'failed' : 'cancelled';
}

export function isGenerationFinal(state: GenerationState): boolean {
  return state !== 'queued' && state !== 'running';
}
