import type { EngineStatus } from './engine-port.ts';
import type { ModelCatalog } from './ports.ts';

export interface LoadAheadPorts {
  readonly engine: {
    readonly status: EngineStatus;
    onChange(listener: (status: EngineStatus) => void): () => void;
    load(modelPath: string): void;
  };
  readonly models: ModelCatalog;
}

/**
 * Loads the default model each time the engine has started, so that the first picture does not wait for it. The result
 * ends it.
 */
export function loadAhead({ engine, models }: LoadAheadPorts): () => void {
  let wasReady = false;
  const look = ({ state }: EngineStatus): void => {
    const isReady = state === 'ready';
    const entry = models.list().find((candidate) => candidate.kind === 'usable');
    if (isReady && !wasReady && entry?.kind === 'usable') engine.load(entry.facts.path);
    wasReady = isReady;
  };
  look(engine.status);
  return engine.onChange(look);
}
