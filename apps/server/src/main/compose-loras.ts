import { dirname, join } from 'node:path';
import { projectModelsFolder, resolveModelsFolder } from '../adapters/hub/models-folder.ts';
import { BucketLoras } from '../adapters/loras/bucket-loras.ts';
import { LoraFolders } from '../adapters/loras/lora-folders.ts';
import { every } from '../application/every.ts';
import type { LoraLibrary, LoraUpload } from '../application/lora-ports.ts';
import type { Clock, IdSource, Logger, ModelCatalog, Store } from '../application/ports.ts';
import type { Config } from '../config/load.ts';
import { contentHash } from '../domain/ids.ts';
import { openFileCopies } from './open-pictures.ts';
import { type RoleName, sharedFolder } from './open-records.ts';

export interface LoraParts {
  readonly models: ModelCatalog;
  readonly store: Store;
  readonly role: RoleName;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The library of adapters, read once and looked at again and again until `stop`. */
export async function openLoras(
  config: Config,
  ports: LoraParts,
): Promise<{ readonly loras: LoraLibrary; readonly stop: () => void }> {
  const loras = await openLibrary(config, ports);
  await loras.refresh();
  const stop = every(
    ports.clock,
    LOOK_MS,
    () => loras.refresh(),
    (err) => ports.log.warn({ err }, 'looking for LoRAs failed'),
  );
  return { loras, stop };
}

async function openLibrary(config: Config, ports: LoraParts): Promise<LoraLibrary> {
  const folder = sharedFolder(config);
  const uploads = join(folder, 'loras');
  const maxBytes = config.maxLoraBytes;
  const shared = loraFolders(config);
  const copies = openFileCopies(config);
  if (copies === undefined) return new LoraFolders({ ...ports, shared, uploads, maxBytes });
  const cache = join(folder, 'lora-cache');
  const folders = new LoraFolders({ ...ports, shared, uploads: cache, maxBytes });
  const before = new LoraFolders({ ...ports, shared: [], uploads, maxBytes });
  const loras = new BucketLoras({ ...ports, folders, cache, before, copies, keepsAll: ports.role !== 'worker' });
  await loras.adopt();
  await loras.refresh();
  await loras.fetchMissing();
  return loras;
}

/** The usable uploads in the data folder of an embedded server. */
export async function readUploads(
  config: Config,
): Promise<readonly (Pick<LoraUpload, 'tenantId' | 'name' | 'sha256' | 'sizeBytes'> & { readonly path: string })[]> {
  const models = { list: () => [] };
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const uploads = join(config.dataDir, 'loras');
  const folders = new LoraFolders({ shared: [], uploads, maxBytes: config.maxLoraBytes, models, log });
  await folders.refresh();
  return folders.uploads.flatMap(({ owner, name, path, sizeBytes, content }) =>
    owner === undefined || content.kind === 'unusable'
      ? []
      : [{ tenantId: owner, name, path, sizeBytes, sha256: contentHash(content.sha256) }],
  );
}

function ignore(): void {}

/** Folders of the installation's adapters: those configured, else beside the models. */
export function loraFolders(config: Pick<Config, 'lorasDirs' | 'modelsFolder'>): readonly string[] {
  if (config.lorasDirs.length > 0) return config.lorasDirs;
  return [join(dirname(resolveModelsFolder(config.modelsFolder)), 'loras'), join(projectModelsFolder, 'loras')];
}

/** A file that is dropped into a folder is offered within this time and that of reading it. */
const LOOK_MS = 2_000;
