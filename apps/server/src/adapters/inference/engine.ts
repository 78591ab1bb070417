import type { BatchLimit } from '@imagemill/diffusion';
import type { EngineItem, ModelChoice } from '../../application/engine-port.ts';
import type { Notice } from '../../domain/notice.ts';
import type { EngineEvent, EngineOptions, ItemEvent } from './engine-protocol.ts';

/** What draws inside an engine process. Each kind of device has one; `engine-child.ts` picks it by name. */
export interface Engine {
  /** What it runs on: `cpu`, `webgpu`, `cuda`, `fixed-time`. */
  readonly executionProvider: string;
  /** What was noticed at the start, e.g. a fall-back. */
  readonly notes: readonly Notice[];
  /** Takes an item and tells what becomes of it; ends with exactly one of `finished`, `failed`, `cancelled`. */
  submit(item: EngineItem, emit: (event: ItemEvent) => void): void;
  /** The item ends as `cancelled` at the next step border; nothing happens when it has ended. */
  cancel(id: string): void;
  /** Loads a model ahead of its first item. Rejects with an error that has a `code` when that fails. */
  load(model: ModelChoice): Promise<void>;
  /** Prepares models, in idle moments, for pictures with adapters. Absent where there is nothing to prepare. */
  expectLoras?(): void;
  /** Rejects with `model_in_use` when an item is drawn with it. */
  unload(model: ModelChoice): Promise<void>;
  /** Measures batch limits; pictures that come meanwhile slow it down and are slowed down by it. */
  calibrate(model: ModelChoice): Promise<readonly BatchLimit[]>;
  /** Gives back what the engine holds; items that are still open end as `cancelled`. */
  close(): Promise<void>;
}

/**
 * Starts an engine. `emit` is for what concerns no item: `log`, and `loaded` and `unloaded` when an item caused them.
 * Rejects with an error that has a `code` when the device cannot be used.
 */
export type EngineFactory = (options: EngineOptions, emit: (event: EngineEvent) => void) => Promise<Engine>;
