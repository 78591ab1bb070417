import { type CostObservation, type CostRecord, learn, predictCostMs } from '../domain/scheduling/cost-model.ts';
import type { QueueTransaction } from './queue-ports.ts';

/** A picture to be predicted, on the device of this server. Sides in pixels. */
export interface PictureShape {
  readonly model: string;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
}

/** What pictures cost on the device of this server, learnt from those that were drawn. */
export interface CostBook {
  /** Predicted device time in ms, always above 0. */
  predictMs(shape: PictureShape): number;
  /** Whether the prediction rests on pictures of this model. */
  isMeasured(shape: PictureShape): boolean;
  /** Adds a picture, also to the store. */
  learn(queue: QueueTransaction, shape: PictureShape, seen: CostObservation): Promise<void>;
}

/** @param known what the store has */
export function createCostBook(device: string, known: readonly CostRecord[]): CostBook {
  const records = new Map<string, CostRecord>();
  const keyOf = (model: string, pixels: number): string => `${pixels} ${model}`;
  for (const record of known) if (record.device === device) records.set(keyOf(record.model, record.pixels), record);
  return {
    predictMs: (shape) => predictCostMs(records.values(), { ...shape, device }),
    isMeasured: ({ model }) => [...records.values()].some((record) => record.model === model),
    async learn(queue, shape, seen) {
      const key = keyOf(shape.model, shape.width * shape.height);
      const record = learn(records.get(key), { ...shape, device }, seen);
      records.set(key, record);
      await queue.saveCost(record);
    },
  };
}
