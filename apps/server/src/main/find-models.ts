import { createModelStore } from '../adapters/hub/model-store.ts';
import { projectModelsFolder, resolveModelsFolder } from '../adapters/hub/models-folder.ts';
import { createCheckpointCatalog } from '../adapters/models/checkpoint-catalog.ts';
import type { ModelToRead } from '../adapters/models/read-model-facts.ts';
import { ModelError } from '../application/model-errors.ts';
import type { InstalledModel, ModelStore } from '../application/model-ports.ts';
import type { ModelCatalog, ModelEntry } from '../application/ports.ts';
import type { Config } from '../config/load.ts';
import { remoteDeviceOf } from '../config/remote-settings.ts';
import { StartupError } from '../config/startup-error.ts';

/**
 * The model of a remote engine, else the installed ones, the configured one first.
 *
 * @throws StartupError `model_missing` when none of them can draw
 */
export async function findModels(config: Config): Promise<InstalledCatalog> {
  if (remoteDeviceOf(config.device) !== undefined) {
    return { list: () => [remoteModel(config)], refresh: async () => undefined };
  }
  let catalog = await readModels(config);
  return {
    list: () => catalog.list(),
    async refresh() {
      catalog = await readModels(config);
    },
  };
}

/** The models on disk, as of the last look. */
export interface InstalledCatalog extends ModelCatalog {
  /** Looks for models anew. */
  readonly refresh: () => Promise<void>;
}

/** The folders of models on this machine. */
export function openModelStore({ modelsFolder }: Config): ModelStore {
  return createModelStore({
    modelsFolder: resolveModelsFolder(modelsFolder),
    readOnlyFolders: [projectModelsFolder],
  });
}

async function readModels(config: Config): Promise<ModelCatalog> {
  const store = openModelStore(config);
  const chosen = config.model === undefined ? undefined : await findChosen(store, config.model);
  const installed = await store.list();
  const others = installed.filter((model) => model.path !== chosen?.path);
  const models = named(chosen === undefined ? others : [chosen, ...others]);
  const catalog = await createCheckpointCatalog(models, config);

  const [first] = catalog.list();
  if (chosen !== undefined && first?.kind === 'unusable') {
    const message = `The model ${chosen.path} cannot be used: ${first.problem.message}`;
    throw new StartupError('model_missing', message, { details: { path: chosen.path } });
  }
  if (!catalog.list().some((entry) => entry.kind === 'usable')) {
    const reasons = catalog
      .list()
      .map((entry) => (entry.kind === 'unusable' ? `${entry.path}: ${entry.problem.message}` : ''));
    const why = reasons.length === 0 ? 'No model is installed.' : `No model can be used. ${reasons.join(' ')}`;
    const message = `${why} "imagemill models pull Tongyi-MAI/Z-Image-Turbo" downloads one; --model names a folder.`;
    throw new StartupError('model_missing', message);
  }
  return catalog;
}

/** What is known of a model whose files are elsewhere: Z-Image-Turbo and its kin. */
function remoteModel({ device, remoteModel: name = 'Z-Image-Turbo', maxPixels }: Config): ModelEntry {
  const facts = {
    name: name.split('/').filter(Boolean).at(-1) ?? name,
    path: device,
    family: 'z-image',
    ...{ nativeWidth: 1_024, nativeHeight: 1_024, grain: 16, maxSide: 8_192, maxPixels },
    ...{ defaultSteps: 8, defaultGuidanceScale: 0, precisions: [] },
  };
  return { kind: 'usable', facts };
}

async function findChosen(store: ModelStore, reference: string): Promise<InstalledModel> {
  try {
    return await store.find(reference);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new StartupError('model_missing', error.message, { details: error.details, cause: error });
  }
}

/** Short names where they are unique; the whole id where two models share one. */
function named(models: readonly InstalledModel[]): ModelToRead[] {
  return models.map(({ name, id, path, family }) => {
    const isUnique = models.filter((other) => other.name === name).length === 1;
    return { name: isUnique ? name : id, path, family };
  });
}
