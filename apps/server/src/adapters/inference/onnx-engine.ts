/** The engine on ONNX Runtime: `cpu`, `webgpu`, `cuda:<n>`. */
import { type DeviceMemory, type DiffusionError, type EngineNotice, SlotEngine } from '@imagemill/diffusion';
import { openDeviceMemory } from '@imagemill/diffusion/device-memory';
import type { DrawnPicture, EngineItem } from '../../application/engine-port.ts';
import { Calibrator, thorough } from './calibrator.ts';
import type { Engine, EngineFactory } from './engine.ts';
import type { EngineOptions, ItemEvent } from './engine-protocol.ts';
import { openInspector } from './inspector.ts';
import { openModelMemory } from './model-memory.ts';
import { sha256Of } from './read-event.ts';
import { Upkeep } from './upkeep.ts';

/** Rows × tokens of one transformer call where nothing was measured. On a CPU more rows hardly help: 12 ms a row at 1 × 96 tokens, 11 at 8 × 96. */
const maxBatchTokens = 4096;

export const createOnnxEngine: EngineFactory = async (options, emit) => {
  const models = await openModelMemory(options, emit);
  const { executionProvider } = models.device.runtime;
  const memory = await deviceMemory(options);
  const calibrator = await Calibrator.open(models, options);
  const upkeep = new Upkeep({ memory: models, calibrator, options, freeBytes: memory?.freeBytes, emit });
  const inspector = await openInspector(options.scorers, emit);
  const slots = new SlotEngine({
    inspect: inspector.inspect,
    ...{ models: models.pool, slots: options.slots, maxBatchTokens },
    measuredRows: (key, grid) => calibrator.maxRows(models.choiceOf(key), grid),
    ...(memory && { memory }),
  });
  const open = new Set<string>();
  const engine: Engine = {
    executionProvider,
    notes: models.device.notes,
    submit(item, emitItem) {
      open.add(item.id);
      const ended = upkeep.begin(item);
      const { guidanceScale, modelPath: _path, precision: _precision, loras: adapters, ...settings } = item;
      const loras = adapters.map(({ path, strength }) => ({ adapter: path, strength }));
      const request = { ...settings, model: models.keyOf(item), loras, guidance: { scale: guidanceScale } };
      slots.submit(request, (notice) => {
        const measures = inspector.take(notice, item.id);
        const event = toEvent(item, notice, { executionProvider, measures });
        if (['finished', 'failed', 'cancelled'].includes(event.type)) {
          open.delete(item.id);
          ended();
        }
        emitItem(event);
      });
    },
    cancel: (id) => slots.cancel(id),
    async load(choice) {
      await upkeep.alone(async () => (await models.pool.borrow(models.keyOf(choice))).giveBack());
      upkeep.loaded(choice);
    },
    expectLoras: () => upkeep.expectLoras(),
    unload: (choice) => upkeep.alone(() => models.pool.unload(models.keyOf(choice))),
    calibrate: (choice) => upkeep.alone(async () => (await calibrator.measure(choice, thorough, () => true)) ?? []),
    async close() {
      const stopped = upkeep.close();
      for (const id of open) slots.cancel(id);
      await slots.idle();
      await stopped;
      await inspector.close();
      await models.pool.close();
    },
  };
  return engine;
};

/** CUDA's allocator keeps its peak; on the CPU every run gives back what it took. */
async function deviceMemory({ device, memoryReserveBytes }: EngineOptions): Promise<DeviceMemory | undefined> {
  const reader = await openDeviceMemory(device);
  if (reader === undefined) return undefined;
  const freeBytes = (): number | undefined => reader.read()?.freeBytes;
  return { freeBytes, reserveBytes: memoryReserveBytes, keepsPeak: reader.source === 'nvml' };
}

const mediaTypes = { png: 'image/png', jpeg: 'image/jpeg', webp: 'image/webp' } as const;

function toEvent(
  item: EngineItem,
  notice: EngineNotice,
  known: Pick<DrawnPicture, 'executionProvider' | 'measures'>,
): ItemEvent {
  const { id } = item;
  switch (notice.type) {
    case 'preview':
      return { ...notice, id, mediaType: 'image/jpeg' };
    case 'finished':
      return finishedEvent(item, notice, known);
    case 'failed':
      return { type: 'failed', id, fault: toFault(notice.error) };
    default:
      return { ...notice, id };
  }
}

function finishedEvent(
  { id, seed, steps, format }: EngineItem,
  { rungs = [], ...drawn }: Extract<EngineNotice, { type: 'finished' }>,
  known: Pick<DrawnPicture, 'executionProvider' | 'measures'>,
): ItemEvent {
  const warnings = rungs.map(({ rung, message }) => ({ code: `memory_${rung}`, message }));
  const sha256 = sha256Of(drawn.image);
  return { ...drawn, id, sha256, mediaType: mediaTypes[format], seed, steps, warnings, ...known };
}

function toFault({ code, message, details, retryable }: DiffusionError): {
  code: string;
  message: string;
  details: Record<string, unknown>;
  retryable: boolean;
} {
  return { code, message, details, retryable };
}
