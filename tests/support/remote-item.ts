import type { EngineItem } from '../../apps/server/src/application/engine-port.ts';

/** A picture to draw as a worker hands it to an engine. */
export function remoteItem(changes: Partial<EngineItem> = {}): EngineItem {
  return {
    id: 'job-1:1',
    ...{ modelPath: 'remote', precision: undefined },
    ...{ prompt: 'a ship', negativePrompt: '', width: 96, height: 64, seed: 7, steps: 4, guidanceScale: 0 },
    ...{ format: 'png', quality: 90, previews: false, loras: [], cacheScope: 'tenant', rank: 1, oversize: 'reject' },
    ...changes,
  };
}
