/** The only reader of `process.env` in the server. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import leven from 'leven';
import { z } from 'zod';
import {
  type SettingName,
  type Settings,
  type SettingsInput,
  secretSettings,
  settingSchemas,
  settingsSchema,
  variableOf,
} from './schema.ts';
import { StartupError } from './startup-error.ts';

export interface LoadConfigInput {
  /** What the command line says; it wins over all else. */
  readonly overrides?: SettingsInput | undefined;
  /** @default process.env */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Folder that relative paths and imagemill.config.json are looked up in. @default the current one */
  readonly folder?: string | undefined;
}

/** Settings with every default filled in and every path absolute, and what else comes from the environment. */
export interface Config extends Settings {
  /** Variables that an engine process sees; no others. */
  readonly engineEnvironment: Readonly<Record<string, string>>;
  /** Where each setting came from that is not at its default. */
  readonly settingSources: Readonly<Record<string, SettingSource>>;
  /** Where models are pulled from: `HF_ENDPOINT`, `HF_TOKEN`, `MODELSCOPE_ENDPOINT`, `MODELSCOPE_API_TOKEN`. */
  readonly hubs: Readonly<Record<'huggingFace' | 'modelScope', HubAccess>>;
  /** What the default folder of installed models follows from. */
  readonly modelsFolder: {
    readonly configured: string | undefined;
    readonly platform: NodeJS.Platform;
    readonly homeFolder: string;
    readonly xdgDataHome: string | undefined;
    readonly localAppData: string | undefined;
  };
}

/**
 * Settings from the command line, else from the environment, else from imagemill.config.json, else the default.
 *
 * @throws StartupError `settings_invalid` naming the setting, its source, what it got and what it expects
 */
export function loadConfig(input: LoadConfigInput = {}): Config {
  const environment = input.environment ?? process.env;
  const folder = resolve(input.folder ?? '.');
  const sources: Source[] = [
    { kind: 'command line', words: (name) => `the setting ${name}`, values: { ...input.overrides } },
    { kind: 'environment', words: variableWords(environment), values: readVariables(environment) },
    { kind: 'file', words: (name) => `${name} in ${FILE_NAME}`, values: readFile(resolve(folder, FILE_NAME)) },
  ];
  const values: Record<string, unknown> = {};
  const settingSources: Record<string, SettingSource> = {};
  for (const source of sources) {
    for (const [name, value] of Object.entries(source.values)) {
      if (value === undefined) continue;
      requireKnown(name, source.words(name));
      const checked = settingSchemas[name].safeParse(value);
      if (!checked.success) throw invalid(source.words(name), secretSettings.has(name) ? HIDDEN : value, checked.error);
      if (name in values) continue;
      values[name] = value;
      settingSources[name] = source.kind;
    }
  }
  const settings = settingsSchema.parse(values);
  return Object.freeze({
    ...settings,
    settingSources,
    dataDir: resolve(folder, settings.dataDir),
    assetDir: settings.assetDir === undefined ? undefined : resolve(folder, settings.assetDir),
    ...(settings.comfyuiWorkflow === undefined ? {} : { comfyuiWorkflow: resolve(folder, settings.comfyuiWorkflow) }),
    lorasDirs: settings.lorasDirs.map((path) => resolve(folder, path)),
    safetyModel: withPath(settings.safetyModel, folder),
    aestheticModel: withPath(settings.aestheticModel, folder),
    engineEnvironment: pick(environment, ENGINE_VARIABLES),
    hubs: {
      huggingFace: { endpoint: environment['HF_ENDPOINT'] || undefined, token: environment['HF_TOKEN'] || undefined },
      modelScope: {
        endpoint: environment['MODELSCOPE_ENDPOINT'] || undefined,
        token: environment['MODELSCOPE_API_TOKEN'] || undefined,
      },
    },
    modelsFolder: {
      configured: settings.modelsDir === undefined ? undefined : resolve(folder, settings.modelsDir),
      platform: process.platform,
      homeFolder: homeFolder(),
      xdgDataHome: environment['XDG_DATA_HOME'],
      localAppData: environment['LOCALAPPDATA'],
    },
  });
}

/** A user of a container often has no entry, and then no home but the one that the container names. */
function homeFolder(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}

function withPath<T extends { readonly path: string }>(model: T | undefined, folder: string): T | undefined {
  return model && { ...model, path: resolve(folder, model.path) };
}

export interface HubAccess {
  readonly endpoint: string | undefined;
  readonly token: string | undefined;
}

export type SettingSource = 'command line' | 'environment' | 'file' | 'default';

interface Source {
  readonly kind: SettingSource;
  /** How to name a setting of this source to people. */
  readonly words: (name: string) => string;
  readonly values: Readonly<Record<string, unknown>>;
}

const nameByVariable = new Map<string, SettingName>(
  (Object.keys(settingSchemas) as SettingName[]).map((name) => [variableOf(name), name]),
);

function variableWords(environment: Readonly<Record<string, string | undefined>>): (name: string) => string {
  return (name) => {
    if (name === 'model' && isSet(environment['MODEL_PATH']) && !isSet(environment['IMAGEMILL_MODEL']))
      return 'MODEL_PATH';
    return name.startsWith(PREFIX) ? name : variableOf(name);
  };
}

function readVariables(environment: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  const values: Record<string, unknown> = isSet(environment['MODEL_PATH']) ? { model: environment['MODEL_PATH'] } : {};
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(PREFIX) || !isSet(text) || VARIABLES_OF_OTHERS.has(variable)) continue;
    const name = nameByVariable.get(variable);
    // An unknown variable keeps its own name, to be refused under it.
    values[name ?? variable] = name === undefined ? text : parseText(name, text);
  }
  return values;
}

/** The text of a variable as the type that the setting has; what does not fit stays text, to be refused as such. */
function parseText(name: SettingName, text: string): unknown {
  const { type } = z.toJSONSchema(settingSchemas[name], { io: 'input' });
  if (type === 'integer' || type === 'number') return text.trim() === '' ? text : orText(Number(text), text);
  if (type === 'boolean') return { true: true, false: false }[text.trim()] ?? text;
  if (type === 'array') return text.split(',').map((part) => part.trim());
  if (type === 'object') return parseJson(text);
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function orText(value: number, text: string): number | string {
  return Number.isNaN(value) ? text : value;
}

function readFile(path: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new StartupError('settings_invalid', `${path} cannot be read: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new StartupError('settings_invalid', `${path} is not JSON: ${(error as Error).message}.`, { cause: error });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new StartupError('settings_invalid', `${path} must hold one JSON object with settings by name.`);
}

function requireKnown(name: string, words: string): asserts name is SettingName {
  if (Object.hasOwn(settingSchemas, name)) return;
  const known = name.startsWith(PREFIX) ? [...nameByVariable.keys()] : Object.keys(settingSchemas);
  const near = nearest(name, known);
  const hint = near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
  const message = `${words} is not a setting.${hint} All settings are in docs/settings.md.`;
  throw new StartupError('settings_invalid', message, { details: { setting: name, near } });
}

/** At most three names that could have been meant, the likeliest first. */
function nearest(name: string, known: readonly string[]): readonly string[] {
  const bare = (text: string): string => text.replace(PREFIX, '').replaceAll('_', '').toLowerCase();
  const asked = bare(name);
  const distances = known.map((one) => ({ one, distance: leven(asked, bare(one)) }));
  const close = distances.filter(({ distance }) => distance <= Math.max(2, asked.length / 3));
  return close
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ one }) => one);
}

function invalid(words: string, got: unknown, error: z.ZodError): StartupError {
  const expected = error.issues.map((issue) => issue.message).join('; ');
  const message = `${words} got ${JSON.stringify(got)}, which does not fit: ${expected}.`;
  return new StartupError('settings_invalid', message, { details: { got, expected } });
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function pick(
  environment: Readonly<Record<string, string | undefined>>,
  wanted: readonly RegExp[],
): Readonly<Record<string, string>> {
  const picked: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && wanted.some((pattern) => pattern.test(name))) picked[name] = value;
  }
  return Object.freeze(picked);
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

const HIDDEN = 'a value that is not shown';
const FILE_NAME = 'imagemill.config.json';
const PREFIX = 'IMAGEMILL_';
/** Variables of the command line that are no settings of the server. */
const VARIABLES_OF_OTHERS: ReadonlySet<string> = new Set(['IMAGEMILL_DEBUG', 'IMAGEMILL_SERVER', 'IMAGEMILL_KEY']);
/** Finding libraries, drivers, fonts and temporary space; nothing that could be a secret. */
const ENGINE_VARIABLES: readonly RegExp[] = [
  /^(PATH|HOME|USERPROFILE|TMPDIR|TEMP|TMP|LANG|LC_ALL|TZ|SYSTEMROOT|LOCALAPPDATA|XDG_(RUNTIME_DIR|CACHE_HOME|DATA_DIRS))$/i,
  /^(LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|CUDA_.*|NVIDIA_VISIBLE_DEVICES|VK_(ICD_FILENAMES|DRIVER_FILES|LAYER_PATH))$/,
  /^(OMP_NUM_THREADS|ORT_.*|MALLOC_.*_|GLIBC_TUNABLES)$/,
];
