/** Wiring of what every role needs: records, pictures, models, LoRAs, what pictures cost. */
import { makeFolder } from '@imagemill/diffusion';
import { systemClock } from '../adapters/clock.ts';
import { createDisk } from '../adapters/disk.ts';
import { createIdSource } from '../adapters/id-source.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import type { OtlpTraces } from '../adapters/telemetry/otlp-traces.ts';
import { type CostBook, createCostBook } from '../application/cost-book.ts';
import type { IncidentBook } from '../application/incidents.ts';
import type { LoraLibrary } from '../application/lora-ports.ts';
import type { Disk, IdSource, Logger, PictureStore } from '../application/ports.ts';
import type { PictureRemover } from '../application/retention-ports.ts';
import type { Config } from '../config/load.ts';
import { openLoras } from './compose-loras.ts';
import { collectSystem, createMetrics, openTraces } from './compose-telemetry.ts';
import { openIncidents } from './compose-watchdog.ts';
import { findModels, type InstalledCatalog } from './find-models.ts';
import { openPictures } from './open-pictures.ts';
import { type Opened, openRecords, type Records, type RoleName, sharedFolder, usingFolder } from './open-records.ts';

export interface ComposeOptions {
  readonly version: string;
  readonly log: Logger;
}

export interface Base extends Records, ComposeOptions {
  readonly pictures: PictureStore & PictureRemover;
  readonly models: InstalledCatalog;
  readonly loras: LoraLibrary;
  readonly costs: CostBook;
  readonly disk: Disk;
  readonly ids: IdSource;
  readonly metrics: Metrics;
  readonly incidents: IncidentBook;
  /** Undefined where no collector is named. */
  readonly traces: OtlpTraces | undefined;
}

/** @throws StartupError */
export async function openBase(config: Config, options: ComposeOptions, role: RoleName, opened: Opened): Promise<Base> {
  const { version, log } = options;
  const ids = createIdSource(systemClock);
  const metrics = createMetrics(config);
  const records = await openRecords(config, { ids, log, role }, opened);
  const { store, clock } = records;
  opened.push(store.onWritten((event) => metrics.jobChanged(event)));
  const traces = await openTraces(config, { version, metrics });
  if (traces !== undefined) {
    opened.push(
      () => traces.close(),
      store.onWritten((event) => traces.generationFinished(event)),
    );
  }
  const folder = sharedFolder(config);
  const pictures = await usingFolder(folder, async () => {
    await makeFolder(folder);
    return openPictures(config);
  });
  const models = await findModels(config);
  const { loras, stop } = await openLoras(config, { ...records, role, models, ids, log });
  opened.push(stop);
  const costs = createCostBook(config.device, await store.queue.costs());
  const disk = createDisk(folder, { minFreeBytes: config.minFreeBytes, clock });
  metrics.collectWith(await collectSystem({ queue: store.queue, disk, version }));
  return {
    ...records,
    ...options,
    traces,
    pictures,
    models,
    loras,
    costs,
    disk,
    ids,
    metrics,
    incidents: openIncidents(config, { clock, log, metrics }),
  };
}

/** Runs what opens things; whatever was opened before a failure is given back, last opened first. */
export async function opening<T>(open: (opened: Opened, close: () => Promise<void>) => Promise<T>): Promise<T> {
  const opened: Opened = [];
  const close = async (): Promise<void> => {
    for (const giveBack of opened.splice(0).reverse()) await giveBack();
  };
  try {
    return await open(opened, close);
  } catch (error) {
    await close();
    throw error;
  }
}
