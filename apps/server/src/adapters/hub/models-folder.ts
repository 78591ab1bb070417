import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Models that come with the project; only read. */
export const projectModelsFolder: string = fileURLToPath(new URL('../../../../../models', import.meta.url));

export interface ModelsFolderInput {
  /** `IMAGEMILL_MODELS_DIR`, or an option that stands for it. */
  readonly configured: string | undefined;
  readonly platform: NodeJS.Platform;
  readonly homeFolder: string;
  /** `XDG_DATA_HOME` */
  readonly xdgDataHome: string | undefined;
  /** `LOCALAPPDATA` */
  readonly localAppData: string | undefined;
}

/**
 * Folder that pulled models go to. By default it is the user's and not the server's data folder: a model of 33 GB is
 * shared by all checkouts, servers and the command line, and must survive the deletion of a server's data.
 */
export function resolveModelsFolder(input: ModelsFolderInput): string {
  const { configured, platform, homeFolder } = input;
  if (configured !== undefined && configured !== '') return resolve(configured);
  if (platform === 'win32')
    return join(input.localAppData ?? join(homeFolder, 'AppData', 'Local'), 'imagemill', 'models');
  if (platform === 'darwin') return join(homeFolder, 'Library', 'Application Support', 'imagemill', 'models');
  const dataHome = input.xdgDataHome ?? '';
  // The XDG base directory specification ignores a relative path.
  return join(dataHome.startsWith('/') ? dataHome : join(homeFolder, '.local', 'share'), 'imagemill', 'models');
}
