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
  /** Takes over what others learnt, of the device that has drawn the most pictures. */
  follow(known: readonly CostRecord[]): void;
}

/** @param known what the store has */
export function createCostBook(ownDevice: string, known: readonly CostRecord[]): CostBook {
  let device = ownDevice;
  const records = new Map<string, CostRecord>();
  const keyOf = (model: string, pixels: number): string => `${pixels} ${model}`;
  const keep = (all: readonly CostRecord[]): void => {
    for (const record of all) if (record.device === device) records.set(keyOf(record.model, record.pixels), record);
  };
  keep(known);
  return {
    predictMs: (shape) => predictCostMs(records.values(), { ...shape, device }),
    isMeasured: ({ model }) => [...records.values()].some((record) => record.model === model),
    async learn(queue, shape, seen) {
      const key = keyOf(shape.model, shape.width * shape.height);
      const record = learn(records.get(key), { ...shape, device }, seen);
      records.set(key, record);
      await queue.saveCost(record);
    },
    follow(all) {
      device = busiestDevice(all) ?? device;
      records.clear();
      keep(all);
    },
  };
}

function busiestDevice(records: readonly CostRecord[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { device, count } of records) counts.set(device, (counts.get(device) ?? 0) + count);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}
