/**
 * What the command takes from the environment beside the server's settings (`loadConfig` reads those): the only reader
 * of `process.env` in this package.
 */
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Environment {
  /** `IMAGEMILL_DEBUG`: stacks with every error. */
  readonly isDebug: boolean;
  /** `npm_lifecycle_event`: the command is a script of npm, or was started by npx. */
  readonly isRunByNpm: boolean;
  /** `IMAGEMILL_SERVER`, `IMAGEMILL_KEY`: the server that is asked, and who does it. */
  readonly server: { readonly url: string | undefined; readonly key: string | undefined };
  /** Where the engine keeps what it can compute again. */
  readonly cacheFolder: string;
  /** `HF_ENDPOINT`, `HF_TOKEN` */
  readonly huggingFace: HubSettings;
  /** `MODELSCOPE_ENDPOINT`, `MODELSCOPE_API_TOKEN` */
  readonly modelScope: HubSettings;
}

export interface HubSettings {
  readonly endpoint: string | undefined;
  readonly token: string | undefined;
}

export function readEnvironment(): Environment {
  return {
    isDebug: !['0', 'false', undefined].includes(value('IMAGEMILL_DEBUG')),
    isRunByNpm: value('npm_lifecycle_event') !== undefined,
    server: { url: value('IMAGEMILL_SERVER'), key: value('IMAGEMILL_KEY') },
    cacheFolder: cacheFolder(),
    huggingFace: { endpoint: value('HF_ENDPOINT'), token: value('HF_TOKEN') },
    modelScope: { endpoint: value('MODELSCOPE_ENDPOINT'), token: value('MODELSCOPE_API_TOKEN') },
  };
}

/** Of a variable; undefined when it is empty. */
function value(name: string): string | undefined {
  const text = process.env[name]?.trim();
  return text === '' ? undefined : text;
}

function cacheFolder(): string {
  if (process.platform === 'win32') return join(value('LOCALAPPDATA') ?? homeFolder(), 'imagemill', 'cache');
  if (process.platform === 'darwin') return join(homeFolder(), 'Library', 'Caches', 'imagemill');
  return join(value('XDG_CACHE_HOME') ?? join(homeFolder(), '.cache'), 'imagemill');
}

/** A user of a container often has no entry, and then no home but the one that the container names. */
function homeFolder(): string {
  try {
    return homedir();
  } catch {
    return tmpdir();
  }
}
