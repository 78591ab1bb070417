export {
  type BatchLimit,
  type BatchTiming,
  bestRows,
  type MeasureOptions,
  measureBatchLimit,
  rowsFor,
} from './calibrate.ts';
export { CaptionCache, type CaptionCacheOptions } from './caption-cache.ts';
export { type Checkpoint, openCheckpoint, requireTokenizerFolder } from './checkpoint/checkpoint.ts';
export { fittingWeightMode } from './checkpoint/fitting-weight-mode.ts';
export type { HoldProgress } from './checkpoint/held-weights.ts';
export { makeFolder } from './checkpoint/make-folder.ts';
export {
  createManifest,
  type Manifest,
  type ManifestFile,
  type ManifestOptions,
  type ManifestProblem,
  type ManifestProgress,
  manifestFileName,
  readManifest,
  verifyManifest,
  writeManifest,
} from './checkpoint/manifest.ts';
export { modelBytes } from './checkpoint/model-bytes.ts';
export {
  readBytes,
  readFloat32,
  readIntegers,
  readSafetensorsHeader,
  type SafetensorsFile,
  streamFloat32,
  type TensorRef,
} from './checkpoint/safetensors.ts';
export type { StoredType } from './checkpoint/stored-type.ts';
export {
  type CheckWeightsOptions,
  type ComponentName,
  checkWeights,
  type OpenWeightsOptions,
  openWeights,
  type Weights,
  type WeightsProblem,
} from './checkpoint/weights.ts';
export { type TensorToWrite, writeSafetensors } from './checkpoint/write-safetensors.ts';
export { type DenoiseItem, type Denoiser, denoiseStep, estimatePicture, type LatentGrid } from './denoise.ts';
export {
  type EngineNotice,
  type EngineOptions,
  type EngineRequest,
  type PictureTimings,
  SlotEngine,
} from './engine.ts';
export {
  DiffusionError,
  type DiffusionErrorCode,
  type DiffusionErrorOptions,
  diffusionErrorCodes,
} from './errors.ts';
export type {
  ScheduleConfig,
  TextEncoderConfig,
  TransformerConfig,
  VaeConfig,
} from './families/z-image/config.ts';
export type { HoldCheckpointOptions } from './families/z-image/hold-checkpoint.ts';
export { type LinearWidths, loraModules } from './families/z-image/lora-names.ts';
export {
  type PictureSettings,
  type PipelineOptions,
  type Pixels,
  type SizeLimits,
  ZImagePipeline,
} from './families/z-image/pipeline.ts';
export { combineGuidance, type GuidanceSettings, isGuided, type Predictions } from './guidance.ts';
export {
  type EncodePictureOptions,
  encodePicture,
  type PictureFormat,
  type PictureSize,
  toPixels,
} from './image.ts';
export { type FileState, fileState } from './lora/file-state.ts';
export type { AppliedLora, LoraAdapter } from './lora/lora-batch.ts';
export { LoraCache, type LoraCacheOptions } from './lora/lora-cache.ts';
export { type LoraModule, type LoraWarning, loraWarningCodes, type UnknownKeys } from './lora/lora-plan.ts';
export { type LoraFile, type ReadLoraOptions, readLora, requireCompatible } from './lora/read-lora.ts';
export type { LoraChoice } from './lora/resolve-loras.ts';
export type { DeviceMemory, MemoryRung, RungTaken } from './memory-ladder.ts';
export { ModelPool, type ModelPoolOptions, type PooledModel } from './model-pool.ts';
export type { ParityOptions } from './parity/parity-run.ts';
export type { ParityReport, ParityRow } from './parity/report.ts';
export { runParity } from './parity/run-parity.ts';
export { createTorchGenerator, type TorchGenerator, torchRandn } from './random.ts';
export type { GraphForms, IntegerForm, Runtime, Session, Tensor, WeightMode } from './runtime.ts';
export { eulerStep } from './samplers/euler.ts';
export { createSchedule, type Schedule, type ScheduleOptions } from './schedule.ts';
export type { PictureSource } from './source-picture.ts';
export {
  type EncodedPrompt,
  type EncodeOptions,
  loadPromptTokenizer,
  type PromptTokenizer,
  type PromptTokenizerOptions,
} from './tokenizer/prompt-tokenizer.ts';
export { drawTinyPicture, type TinyPicture } from './warm-up.ts';
