/** Wiring of the scaler, which runs the workers of its machine. */
import { hostname } from 'node:os';
import type { RecordStore } from '../adapters/sql/sql-store.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import { ChildWorkers } from '../adapters/workers/child-workers.ts';
import type { Clock, IdSource, Logger } from '../application/ports.ts';
import { startScaler } from '../application/scale-workers.ts';
import type { Config } from '../config/load.ts';
import { variableOf } from '../config/schema.ts';
import { StartupError } from '../config/startup-error.ts';
import type { ScalePolicy } from '../domain/scheduling/scale-workers.ts';
import type { Cluster, Opened } from './open-records.ts';

export interface ScalerInput {
  readonly store: RecordStore;
  readonly cluster: Cluster;
  readonly metrics: Metrics;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Starts the least number of workers, and more as the queue asks for them. @throws StartupError `settings_invalid` */
export function startScaling(
  config: Config,
  { store, cluster, metrics, ids, clock, log }: ScalerInput,
  opened: Opened,
) {
  const policy = scalePolicy(config);
  const entry = new URL('./worker-child.ts', import.meta.url);
  const fleet = new ChildWorkers({ entry, settingsOf: (index) => workerSettings(config, index), clock, log });
  opened.push(() => fleet.close());
  const { slots: slotsOfOne } = workerSettings(config, 0);
  const lookMs = config.scaleLookSeconds * 1_000;
  const { workers } = cluster;
  const scaler = startScaler({ store, workers, fleet, clock, ids, log, host: hostname(), policy, slotsOfOne, lookMs });
  opened.push(() => scaler.stop());
  metrics.collectWith(async (set) => {
    const { wanted, up, down } = scaler.facts;
    const { running, draining, crashes } = fleet.facts;
    for (const [state, count] of Object.entries({ wanted, running, draining }))
      set('imagemill_scaler_workers', { state }, count);
    for (const [direction, count] of Object.entries({ up, down }))
      set('imagemill_scaler_acts_total', { direction }, count);
    set('imagemill_scaler_crashes_total', {}, crashes);
  });
}

/** @throws StartupError `settings_invalid` */
export function scalePolicy(config: Config): ScalePolicy {
  const { scaleMinWorkers: minWorkers, scaleQueueAbove: queueAbove } = config;
  const maxWorkers = config.scaleMaxWorkers ?? Math.max(mostByDefault(config), minWorkers);
  if (minWorkers > maxWorkers) {
    const message = `${variableOf('scaleMinWorkers')} is ${minWorkers}, more than ${variableOf('scaleMaxWorkers')}, which is ${maxWorkers}.`;
    throw new StartupError('settings_invalid', message);
  }
  const [coolDownMs, idleMs] = [config.scaleCoolDownSeconds * 1_000, config.scaleIdleSeconds * 1_000];
  return { minWorkers, maxWorkers, queueAbove, coolDownMs, idleMs };
}

/** A second worker on a card would need the memory of the model once more. */
function mostByDefault({ scaleDevices, device }: Config): number {
  if (scaleDevices.length > 0) return scaleDevices.length;
  return /^(cuda|webgpu|dml|coreml)/.test(device) ? 1 : 4;
}

/** Each worker has its device and, where the scaler has a port of its own, the port that follows by its number. */
function workerSettings(config: Config, index: number): Config {
  const { scaleDevices, scaleSlots, workerPort } = config;
  return {
    ...config,
    device: scaleDevices[index % scaleDevices.length] ?? config.device,
    slots: scaleSlots ?? config.slots,
    workerPort: workerPort === 0 ? 0 : workerPort + 1 + index,
  };
}
