/** The engine process by itself, for programs that draw without serving. */
export type { BatchLimit } from '@imagemill/diffusion';
export { systemClock } from './adapters/clock.ts';
export { withKeptBlocks } from './adapters/inference/allocator.ts';
export { engineOptions } from './adapters/inference/engine-options.ts';
export { EngineProcess, type EngineProcessOptions } from './adapters/inference/engine-process.ts';
export { readModelFacts } from './adapters/models/read-model-facts.ts';
export { createCheckPicture } from './adapters/pictures/check-picture.ts';
export type {
  DrawingEngine,
  DrawnPicture,
  DrawObserver,
  DrawOutcome,
  EngineItem,
  EngineStatus,
  EngineTimings,
  SourcePicture,
} from './application/engine-port.ts';
export type { Logger } from './application/ports.ts';
export { type Config, loadConfig } from './config/load.ts';
export type { SettingsInput } from './config/schema.ts';
export { AppError } from './domain/errors.ts';
export type { ModelFacts } from './domain/model.ts';
export { sizeLike } from './domain/size-policy.ts';
