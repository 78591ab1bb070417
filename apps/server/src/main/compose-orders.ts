/** Wiring of the files and batches of OpenAI's API. */
import { join } from 'node:path';
import { openFileFolder } from '../adapters/files/file-folder.ts';
import { createOrderDoor } from '../adapters/http/openai/batch-lines.ts';
import { maskOfAlpha } from '../adapters/pictures/mask-of-alpha.ts';
import type { RecordStore } from '../adapters/sql/sql-store.ts';
import type { AssetUrls } from '../application/asset-urls.ts';
import type { CancelGeneration } from '../application/cancel-generation.ts';
import { every } from '../application/every.ts';
import { createManageFiles, type ManageFiles } from '../application/manage-files.ts';
import { createManageOrders, type ManageOrders } from '../application/manage-orders.ts';
import type { Clock, Disk, IdSource, Logger, ModelCatalog } from '../application/ports.ts';
import { OrderRunner } from '../application/run-orders.ts';
import type { SubmitGeneration } from '../application/submit-generation.ts';
import type { UploadAsset } from '../application/upload-asset.ts';
import type { Config } from '../config/load.ts';
import { startDuty } from './duties.ts';
import { openFileCopies } from './open-pictures.ts';
import { type Cluster, sharedFolder } from './open-records.ts';

export interface OrderParts {
  readonly store: RecordStore;
  readonly cluster: Cluster | undefined;
  readonly models: ModelCatalog;
  readonly assetUrls: AssetUrls;
  readonly disk: Disk;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly submit: SubmitGeneration;
  readonly cancelGeneration: CancelGeneration;
  readonly uploadAsset: UploadAsset;
  readonly maxUploadBytes: number;
}

export async function composeOrders(
  config: Config,
  parts: OrderParts,
): Promise<{ readonly files: ManageFiles; readonly orders: ManageOrders; readonly stop: () => Promise<void> }> {
  const { store, clock, log } = parts;
  const { maxBulkBytes: maxBytes } = config;
  const copies = openFileCopies(config);
  const folder = await openFileFolder(join(sharedFolder(config), 'files'), { maxBytes, copies });
  const keepMs = config.fileDays * 86_400_000;
  const files = createManageFiles({ ...parts, folder, keepMs, maxTenantBytes: config.tenantFileBytes });
  const door = createOrderDoor({ ...parts, files, maskOfAlpha });
  const duty = startDuty('orders', parts, () => {
    const runner = new OrderRunner({ ...parts, folder, keepMs, door });
    const stopListening = store.onStored((event) => {
      if (event.type === 'generation.finished') runner.generationEnded(event.generationId);
    });
    return {
      look: () => runner.look(),
      async close() {
        stopListening();
        await runner.close();
      },
    };
  });
  const forget = async (): Promise<void> => {
    await files.forget();
  };
  const stopForgetting = every(clock, FORGET_MS, forget, (err) => log.warn({ err }, 'forgetting old files failed'));
  return {
    files,
    orders: createManageOrders({ ...parts, wake: () => duty.wake() }),
    async stop() {
      stopForgetting();
      await duty.stop();
    },
  };
}

const FORGET_MS = 60_000;
