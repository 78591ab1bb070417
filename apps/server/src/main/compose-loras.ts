import { dirname, join } from 'node:path';
import { projectModelsFolder, resolveModelsFolder } from '../adapters/hub/models-folder.ts';
import { LoraFolders } from '../adapters/loras/lora-folders.ts';
import { every } from '../application/every.ts';
import type { Clock, Logger, ModelCatalog } from '../application/ports.ts';
import type { Config } from '../config/load.ts';
import { sharedFolder } from './open-records.ts';

/** The library of adapters, read once and looked at again and again until `stop`. */
export async function openLoras(
  config: Config,
  ports: { readonly models: ModelCatalog; readonly clock: Clock; readonly log: Logger },
): Promise<{ readonly loras: LoraFolders; readonly stop: () => void }> {
  const loras = new LoraFolders({
    ...ports,
    shared: loraFolders(config),
    uploads: join(sharedFolder(config), 'loras'),
    maxBytes: config.maxLoraBytes,
  });
  await loras.refresh();
  const stop = every(
    ports.clock,
    LOOK_MS,
    () => loras.refresh(),
    (err) => ports.log.warn({ err }, 'looking for LoRAs failed'),
  );
  return { loras, stop };
}

/** Folders of the installation's adapters: those configured, else beside the models. */
export function loraFolders(config: Pick<Config, 'lorasDirs' | 'modelsFolder'>): readonly string[] {
  if (config.lorasDirs.length > 0) return config.lorasDirs;
  return [join(dirname(resolveModelsFolder(config.modelsFolder)), 'loras'), join(projectModelsFolder, 'loras')];
}

/** A file that is dropped into a folder is offered within this time and that of reading it. */
const LOOK_MS = 2_000;
