/** Wiring of bulks: the files that were handed in, and what makes generations of their rows. */
import { join } from 'node:path';
import { createEvaluateRow } from '../adapters/bulk/evaluate-row.ts';
import { createFileSource } from '../adapters/bulk/file-source.ts';
import { validationError } from '../adapters/http/validation.ts';
import { randomSeeds } from '../adapters/id-source.ts';
import type { CancelGeneration } from '../application/cancel-generation.ts';
import type { CostBook } from '../application/cost-book.ts';
import type { LoraLibrary } from '../application/lora-ports.ts';
import { createManageBulks, type ManageBulks } from '../application/manage-bulks.ts';
import type { Clock, IdSource, Logger, ModelCatalog, Store } from '../application/ports.ts';
import { BulkRunner } from '../application/run-bulks.ts';
import type { SubmitGeneration } from '../application/submit-generation.ts';
import type { Config } from '../config/load.ts';
import { startDuty } from './duties.ts';
import { openFileCopies } from './open-pictures.ts';
import { type Cluster, sharedFolder } from './open-records.ts';

export interface BulkParts {
  readonly store: Store;
  readonly cluster: Cluster | undefined;
  readonly models: ModelCatalog;
  readonly loras: LoraLibrary;
  readonly costs: CostBook;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly submit: SubmitGeneration;
  readonly cancelGeneration: CancelGeneration;
}

export function composeBulks(
  config: Config,
  parts: BulkParts,
): { readonly bulks: ManageBulks; readonly stop: () => Promise<void> } {
  const { maxBulkBytes: maxBytes } = config;
  const copies = openFileCopies(config);
  const source = createFileSource(join(sharedFolder(config), 'bulks'), { maxBytes, copies });
  const evaluate = createEvaluateRow({ errorOf: validationError });
  const duty = startDuty('bulks', parts, () => new BulkRunner({ ...parts, source, evaluate }));
  const bulks = createManageBulks({
    ...{ ...parts, source, evaluate, seeds: randomSeeds, oversize: config.oversize },
    start: () => duty.wake(),
  });
  return { bulks, stop: () => duty.stop() };
}
