import type { WorkerId } from '../domain/ids.ts';
import { variantName } from '../domain/model.ts';
import type { DeviceMemoryFacts, EngineStatus } from './engine-port.ts';

/** A worker as it says it is. Models have their names in place of folders, which may differ between machines. */
export interface WorkerReport {
  readonly id: WorkerId;
  readonly host: string;
  readonly pid: number;
  readonly engine: EngineStatus;
  readonly memory: DeviceMemoryFacts | undefined;
  /** Names under which it can be asked for pictures; undefined for a worker of an older version, which says nothing. */
  readonly serves?: readonly string[] | undefined;
}

/** A worker with when it was heard of last. */
export type SeenWorker = WorkerReport & { readonly seenAt: number };

/** Where the workers of a cluster say how they do. */
export interface WorkerBoard {
  report(report: WorkerReport, at: number): Promise<void>;
  /** For a worker that ends in an orderly way; one that was killed falls silent. */
  remove(id: WorkerId): Promise<void>;
  /** Those that were heard of since a time, the oldest first. */
  list(since: number): Promise<readonly SeenWorker[]>;
}

/** A right that one process of a cluster holds at a time. */
export interface LeaseBook {
  /** Takes or keeps the lease; false when another holds it. */
  hold(name: string, lease: { readonly holder: string; readonly now: number; readonly ms: number }): Promise<boolean>;
  release(name: string, holder: string): Promise<void>;
}

/** Names under which jobs ask for the models that any of the workers has in memory. */
export function loadedModelsOf(reports: readonly WorkerReport[]): ReadonlySet<string> {
  const held = reports.flatMap(({ engine }) => engine.models).filter(({ state }) => state === 'loaded');
  const names = held.flatMap(({ modelPath: name, precision }) =>
    precision === undefined ? [name] : [name, variantName(name, precision)],
  );
  return new Set(names);
}

/**
 * Models in groups that the same workers draw, each group by the name of its first model; undefined when some worker
 * does not say what it draws.
 */
export function groupModels(reports: readonly WorkerReport[]): ReadonlyMap<string, string> | undefined {
  const workers = new Map<string, string>();
  for (const { id, serves } of reports) {
    if (serves === undefined) return undefined;
    for (const model of serves) workers.set(model, `${workers.get(model) ?? ''} ${id}`);
  }
  const names = new Map<string, string>();
  return new Map(
    [...workers.keys()].sort().map((model) => {
      const drawnBy = workers.get(model) ?? '';
      if (!names.has(drawnBy)) names.set(drawnBy, model);
      return [model, names.get(drawnBy) ?? model];
    }),
  );
}
