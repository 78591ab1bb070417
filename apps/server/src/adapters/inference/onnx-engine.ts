/** The engine on ONNX Runtime: `cpu`, `webgpu`, `cuda:<n>`. */
import { totalmem } from 'node:os';
import {
  CaptionCache,
  type DeviceMemory,
  type DiffusionError,
  type EngineNotice,
  fittingWeightMode,
  LoraCache,
  ModelPool,
  openCheckpoint,
  SlotEngine,
  type WeightMode,
  ZImagePipeline,
} from '@imagemill/diffusion';
import { openDeviceMemory } from '@imagemill/diffusion/device-memory';
import { type OpenedDevice, openDevice } from '@imagemill/diffusion/onnxruntime';
import type { EngineItem } from '../../application/engine-port.ts';
import type { Engine, EngineFactory } from './engine.ts';
import type { EngineOptions, ItemEvent } from './engine-protocol.ts';

/** Rows × tokens of one transformer call. On a CPU more rows hardly help: 12 ms a row at 1 × 96 tokens, 11 at 8 × 96. */
const maxBatchTokens = 4096;

export const createOnnxEngine: EngineFactory = async (options, emit) => {
  const devices = new Map<WeightMode, Promise<OpenedDevice>>();
  const openFor = (weights: WeightMode): Promise<OpenedDevice> => {
    const device = devices.get(weights) ?? openDevice({ ...options, weights });
    devices.set(weights, device);
    return device;
  };
  const { runtime, notes } = await openFor(options.weights === 'auto' ? 'packed' : options.weights);
  const loraCache = new LoraCache();
  const captionCache = new CaptionCache(options.promptCache);
  const models = new ModelPool({
    open: async (path) => {
      const device = await openFor(options.weights === 'auto' ? await modeFor(path) : options.weights);
      const pipeline = await ZImagePipeline.open(path, device.runtime, {
        cacheDir: options.cacheDir,
        loraCache,
        captionCache,
      });
      await pipeline.warmUp();
      return pipeline;
    },
    onChange: ({ type, key, ms }) => emit(type === 'loaded' ? { type, modelPath: key, ms } : { type, modelPath: key }),
  });
  const memory = await engineMemory(options);
  const slots = new SlotEngine({ models, slots: options.slots, maxBatchTokens, ...(memory && { memory }) });
  const open = new Set<string>();
  const engine: Engine = {
    executionProvider: runtime.executionProvider,
    notes,
    submit(item, emitItem) {
      open.add(item.id);
      const { guidanceScale, modelPath: model, loras: adapters, ...settings } = item;
      const loras = adapters.map(({ path, strength }) => ({ adapter: path, strength }));
      slots.submit({ ...settings, model, loras, guidance: { scale: guidanceScale } }, (notice) => {
        const event = toEvent(item, notice, runtime.executionProvider);
        if (['finished', 'failed', 'cancelled'].includes(event.type)) open.delete(item.id);
        emitItem(event);
      });
    },
    cancel: (id) => slots.cancel(id),
    async load(modelPath) {
      const model = await models.borrow(modelPath);
      model.giveBack();
    },
    unload: (modelPath) => models.unload(modelPath),
    async close() {
      for (const id of open) slots.cancel(id);
      await slots.idle();
      await models.close();
    },
  };
  return engine;
};

/** CUDA's allocator keeps its peak; on the CPU every run gives back what it took. */
async function engineMemory({ device, memoryReserveBytes }: EngineOptions): Promise<DeviceMemory | undefined> {
  const reader = await openDeviceMemory(device);
  if (reader === undefined) return undefined;
  const freeBytes = (): number | undefined => reader.read()?.freeBytes;
  return { freeBytes, reserveBytes: memoryReserveBytes, keepsPeak: reader.source === 'nvml' };
}

async function modeFor(path: string): Promise<WeightMode> {
  return fittingWeightMode(await openCheckpoint(path), totalmem());
}

const mediaTypes = { png: 'image/png', jpeg: 'image/jpeg', webp: 'image/webp' } as const;

function toEvent(item: EngineItem, notice: EngineNotice, executionProvider: string): ItemEvent {
  const { id } = item;
  switch (notice.type) {
    case 'preview':
      return { ...notice, id, mediaType: 'image/jpeg' };
    case 'finished':
      return finishedEvent(item, notice, executionProvider);
    case 'failed':
      return { type: 'failed', id, fault: toFault(notice.error) };
    default:
      return { ...notice, id };
  }
}

function finishedEvent(
  { id, seed, steps, format }: EngineItem,
  { rungs = [], ...drawn }: Extract<EngineNotice, { type: 'finished' }>,
  executionProvider: string,
): ItemEvent {
  const warnings = rungs.map(({ rung, message }) => ({ code: `memory_${rung}`, message }));
  return { ...drawn, id, mediaType: mediaTypes[format], seed, steps, executionProvider, warnings };
}

function toFault({ code, message, details, retryable }: DiffusionError): {
  code: string;
  message: string;
  details: Record<string, unknown>;
  retryable: boolean;
} {
  return { code, message, details, retryable };
}
