/** The library of adapters by itself, for programs that draw or list without serving. */
import { join } from 'node:path';
import { LoraFolders } from './adapters/loras/lora-folders.ts';
import type { ModelEntry } from './application/ports.ts';
import type { Config } from './config/load.ts';
import { DEFAULT_TENANT } from './domain/ids.ts';
import type { Lora } from './domain/lora.ts';
import { loraFolders } from './main/compose-loras.ts';

export type { Lora } from './domain/lora.ts';

/** The adapters of the installation and the uploads of its own tenant, as the folders are now. */
export async function readLoras(config: Config, models: readonly ModelEntry[] = []): Promise<readonly Lora[]> {
  const library = new LoraFolders({
    shared: loraFolders(config),
    uploads: join(config.dataDir, 'loras'),
    maxBytes: config.maxLoraBytes,
    models: { list: () => models },
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  });
  await library.refresh();
  return library.list(DEFAULT_TENANT);
}

function ignore(): void {}
