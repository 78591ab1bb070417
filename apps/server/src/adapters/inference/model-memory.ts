/** The models of an engine process: opened in the precision that is asked for, kept by number and memory. */
import { totalmem } from 'node:os';
import {
  CaptionCache,
  fittingWeightMode,
  LoraCache,
  ModelPool,
  modelBytes,
  openCheckpoint,
  type WeightMode,
  ZImagePipeline,
} from '@imagemill/diffusion';
import { type OpenedDevice, openDevice } from '@imagemill/diffusion/onnxruntime';
import type { ModelChoice } from '../../application/engine-port.ts';
import type { EngineEvent, EngineOptions } from './engine-protocol.ts';
import { keyOf } from './held-models.ts';

export interface ModelMemory {
  readonly pool: ModelPool;
  /** The device as it is when nothing is asked for. */
  readonly device: OpenedDevice;
  /** Key of a model in the pool. */
  keyOf(choice: ModelChoice): string;
  /** What a key of `keyOf` stands for. */
  choiceOf(key: string): ModelChoice;
}

/** @throws DiffusionError as `openDevice` */
export async function openModelMemory(
  options: EngineOptions,
  emit: (event: EngineEvent) => void,
): Promise<ModelMemory> {
  const devices = new Map<WeightMode, Promise<OpenedDevice>>();
  const openFor = (weights: WeightMode): Promise<OpenedDevice> => {
    const device = devices.get(weights) ?? openDevice({ ...options, weights });
    devices.set(weights, device);
    return device;
  };
  const device = await openFor(options.weights === 'auto' ? 'packed' : options.weights);
  const choices = new Map<string, ModelChoice>();
  const choiceOf = (key: string): ModelChoice => choices.get(key) ?? { modelPath: key, precision: undefined };
  /** The CPU holds weights as it is told; other devices as `packed` does. */
  const modeOf = async ({ modelPath, precision }: ModelChoice): Promise<WeightMode> => {
    if (device.runtime.executionProvider !== 'cpu') return 'packed';
    if (precision !== undefined) return precision;
    return options.weights === 'auto'
      ? fittingWeightMode(await openCheckpoint(modelPath), totalmem())
      : options.weights;
  };
  const loraCache = new LoraCache();
  const captionCache = new CaptionCache(options.promptCache);
  const pool = new ModelPool({
    maxModels: options.models.max,
    maxBytes: options.models.maxBytes,
    async bytesOf(key) {
      const choice = choiceOf(key);
      return modelBytes(await openCheckpoint(choice.modelPath), await modeOf(choice));
    },
    async open(key) {
      const choice = choiceOf(key);
      const { runtime } = await openFor(await modeOf(choice));
      const { cacheDir } = options;
      const pipeline = await ZImagePipeline.open(choice.modelPath, runtime, { cacheDir, loraCache, captionCache });
      await pipeline.warmUp();
      return pipeline;
    },
    onChange: ({ type, key, ms, bytes }) =>
      emit(type === 'loaded' ? { type, model: choiceOf(key), ms, bytes } : { type, model: choiceOf(key) }),
  });
  return {
    pool,
    device,
    choiceOf,
    keyOf({ modelPath, precision }) {
      const choice = { modelPath, precision };
      const key = keyOf(choice);
      choices.set(key, choice);
      return key;
    },
  };
}
