import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ModelError } from '../../application/model-errors.ts';
import { familyOf } from '../../application/model-family.ts';
import type { InstalledModel, ModelStore } from '../../application/model-ports.ts';
import { CheckRecords, type RecordedState } from './check-records.ts';
import { hasErrorCode } from './file-errors.ts';
import { checkFolder, findManifest, findOrigin, recordManifest } from './manifest-file.ts';
import { stageModel } from './staged-model.ts';

export interface ModelStoreOptions {
  /** Folder that pulled models go to; created when needed. */
  readonly modelsFolder: string;
  /** Further folders of models, only read; listed first. */
  readonly readOnlyFolders?: readonly string[] | undefined;
}

/** Models on this machine: folders with a `model_index.json`, one or two levels (`owner/name`) below a models folder. */
export function createModelStore(options: ModelStoreOptions): ModelStore {
  const modelsFolder = resolve(options.modelsFolder);
  const folders = [...(options.readOnlyFolders ?? []).map((folder) => resolve(folder)), modelsFolder];
  const records = new CheckRecords(modelsFolder);

  async function list(): Promise<readonly InstalledModel[]> {
    const models: InstalledModel[] = [];
    for (const folder of new Set(folders)) {
      for (const id of await modelIds(folder)) models.push(await describe(join(folder, id), id, records));
    }
    return models;
  }

  return {
    list,
    async find(reference) {
      const models = isFolderReference(reference) ? [] : match(await list(), reference);
      const [first, second] = models;
      if (first !== undefined && second !== undefined) {
        throw new ModelError(
          'model_ambiguous',
          `"${reference}" may be ${models.map(({ id }) => id).join(' or ')}: give the whole name.`,
          {
            details: { candidates: models.map(({ id }) => id) },
          },
        );
      }
      if (first !== undefined) return first;
      const path = resolve(reference);
      if (await isModelFolder(path)) return describe(path, basename(path), records);
      throw await unknownModel(reference, path, await list());
    },
    async verify(model, onBytes, signal) {
      const manifest = await findManifest(model.path);
      if (manifest === undefined) {
        throw new ModelError(
          'model_unverifiable',
          `${model.path} has no imagemill.manifest.json to check against: a pulled model has one; for a model put there by hand, "imagemill models verify --record" writes one.`,
          { details: { path: model.path } },
        );
      }
      const { faults, bytesChecked } = await checkFolder(model.path, manifest, onBytes, signal);
      await records.remember(model.path, manifest, faults.length === 0);
      const described = await describe(model.path, model.id, records);
      return { model: described, filesChecked: manifest.files.length, bytesChecked, faults };
    },
    async record(model, onBytes, signal) {
      await records.remember(model.path, await recordManifest(model.path, onBytes, signal), true);
      return describe(model.path, model.id, records);
    },
    stage: (repository) =>
      stageModel({
        modelsFolder,
        repository,
        describe: (path, id) => describe(path, id, records),
        remember: (folder, manifest) => records.remember(folder, manifest, true),
      }),
  };
}

/** Exact id first; else the last part of the id, upper and lower case alike. */
function match(models: readonly InstalledModel[], reference: string): readonly InstalledModel[] {
  const exact = models.filter(({ id }) => id === reference);
  if (exact.length > 0) return exact.slice(0, 1);
  const wanted = reference.toLowerCase();
  return models.filter(({ id, name }) => id.toLowerCase() === wanted || name.toLowerCase() === wanted);
}

/** `./x`, `../x`, `/x`, `C:\x`: meant as a folder, whatever is installed. */
function isFolderReference(reference: string): boolean {
  return /^(\.{0,2}[\\/]|[A-Za-z]:)/.test(reference) || reference === '.' || reference === '..';
}

async function unknownModel(reference: string, path: string, models: readonly InstalledModel[]): Promise<ModelError> {
  const details = { reference, installed: models.map(({ id }) => id) };
  if (await isFolder(path)) {
    return new ModelError(
      'model_unknown',
      `The folder ${path} holds no model_index.json, so it is no model in the diffusers layout.`,
      { details },
    );
  }
  const installed = models.length === 0 ? 'no model is installed' : `installed: ${details.installed.join(', ')}`;
  return new ModelError(
    'model_unknown',
    `No model or folder answers to "${reference}"; ${installed}. "imagemill models pull owner/name" downloads one.`,
    { details },
  );
}

async function modelIds(folder: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const name of await subfolders(folder)) {
    if (await isModelFolder(join(folder, name))) ids.push(name);
    else
      for (const inner of await subfolders(join(folder, name)))
        if (await isModelFolder(join(folder, name, inner))) ids.push(`${name}/${inner}`);
  }
  return ids;
}

/** Names in order, without hidden ones and the staging folders of pulls. Links to folders count as folders. */
async function subfolders(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter(
        (entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !/^\.|\.(partial|replaced)$/.test(entry.name),
      )
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

async function describe(path: string, id: string, records: CheckRecords): Promise<InstalledModel> {
  return {
    name: basename(id),
    id,
    path,
    family: familyOf(await readFile(join(path, 'model_index.json'), 'utf8')) ?? 'unknown',
    sizeBytes: await folderBytes(path),
    ...(await stateOf(path, records)),
    origin: await findOrigin(path),
  };
}

/** One damaged manifest must not hide the other models of a listing. */
async function stateOf(path: string, records: CheckRecords): Promise<RecordedState> {
  try {
    return await records.stateOf(path, await findManifest(path));
  } catch (error) {
    if (error instanceof ModelError && error.code === 'manifest_damaged')
      return { verification: 'changed', verifiedAt: undefined };
    throw error;
  }
}

async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isDirectory()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

async function isModelFolder(path: string): Promise<boolean> {
  return (await kindOf(join(path, 'model_index.json'))) === 'file';
}

async function isFolder(path: string): Promise<boolean> {
  return (await kindOf(path)) === 'folder';
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'none'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return 'none';
    throw error;
  }
}
