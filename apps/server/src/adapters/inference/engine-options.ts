import { totalmem } from 'node:os';
import type { Config } from '../../config/load.ts';
import type { EngineOptions } from './engine-protocol.ts';

/** What an engine process is started with, from the settings. */
export function engineOptions(
  config: Config,
  { slots, cacheDir }: Pick<EngineOptions, 'slots' | 'cacheDir'>,
): EngineOptions {
  const { device, weights, threads, memoryReserveBytes, maxModels, modelMemoryMb, ...rest } = config;
  const promptCache = { maxEntries: config.promptCacheEntries, maxBytes: config.promptCacheBytes };
  const { modelKeepAliveMs, warmUpEveryMs, calibrate } = rest;
  return {
    ...{ device, weights, threads, slots, cacheDir, memoryReserveBytes, promptCache },
    scorers: { unsafe: config.safetyModel, aesthetic: config.aestheticModel },
    models: {
      max: maxModels,
      maxBytes: modelMemoryMb === 0 ? AUTOMATIC_SHARE * totalmem() : modelMemoryMb * 1_000_000,
      keepAliveMs: modelKeepAliveMs,
      warmUpEveryMs,
      calibrate,
    },
  };
}

/** Of the machine's memory, for the weights of all models. */
const AUTOMATIC_SHARE = 0.75;
