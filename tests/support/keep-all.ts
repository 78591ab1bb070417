import type { ModelRules } from '../../apps/server/src/adapters/inference/engine-protocol.ts';

/** Models are kept as they come, and nothing happens by the clock. */
export const keepAll: ModelRules = {
  max: 8,
  maxBytes: Number.MAX_SAFE_INTEGER,
  keepAliveMs: 0,
  warmUpEveryMs: 0,
  calibrate: false,
};
