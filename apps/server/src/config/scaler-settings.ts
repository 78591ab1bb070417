import { z } from 'zod';
import { fitsDevice } from './remote-settings.ts';

const workers = z.int().min(0).max(64);

/** When "imagemill scaler" starts and ends workers of its machine. */
export const scalerSettings = {
  scaleQueueAbove: z
    .int()
    .min(0)
    .max(10_000_000)
    .default(50)
    .describe('"imagemill scaler" starts one more worker when more jobs than this wait.'),
  scaleMinWorkers: workers.default(1).describe('Workers that "imagemill scaler" always keeps.'),
  scaleMaxWorkers: workers
    .min(1)
    .optional()
    .describe(
      'Most workers that "imagemill scaler" starts. By default as many as scaleDevices names; without that 4, and 1 where the device is a card.',
    ),
  scaleDevices: z
    .array(z.string().refine(fitsDevice, 'devices as in the setting device'))
    .max(64)
    .default([])
    .describe(
      'Devices of the workers that "imagemill scaler" starts, each in its turn, e.g. cuda:0,cuda:1. By default the setting device for all.',
    ),
  scaleSlots: z
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe('Pictures that each of these workers has under way at once. By default the setting slots.'),
  scaleCoolDownSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(20)
    .describe('Least time between two changes of the number of workers.'),
  scaleIdleSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(60)
    .describe('One worker fewer when nothing has waited, and the others would have been enough, for this long.'),
  scaleLookSeconds: z
    .number()
    .min(0.05)
    .max(300)
    .default(2)
    .describe('How often "imagemill scaler" looks at the queue.'),
};
