import type { ModelFacts } from '../domain/model.ts';
import type { DrawingEngine, EngineStatus } from './engine-port.ts';
import type { Logger, ModelCatalog } from './ports.ts';

export interface LoadAheadPorts {
  readonly engine: Pick<DrawingEngine, 'status' | 'onChange' | 'load'>;
  readonly models: ModelCatalog;
  readonly log: Logger;
}

/**
 * Loads the default model each time the engine has started, so that the first picture does not wait for it. The result
 * ends it.
 */
export function loadAhead({ engine, models, log }: LoadAheadPorts): () => void {
  const load = async ({ path, precisions: [first] }: ModelFacts): Promise<void> => {
    const fault = await engine.load({ modelPath: path, precision: first?.precision });
    if (fault !== undefined) log.error(fault, `the default model could not be loaded: ${fault.message}`);
  };
  let wasReady = false;
  const look = ({ state }: EngineStatus): void => {
    const hasStarted = state === 'ready' && !wasReady;
    // Before the order: it changes the status, which is told here again.
    wasReady = state === 'ready';
    const entry = models.list().find((candidate) => candidate.kind === 'usable');
    if (hasStarted && entry?.kind === 'usable') void load(entry.facts);
  };
  look(engine.status);
  return engine.onChange(look);
}
