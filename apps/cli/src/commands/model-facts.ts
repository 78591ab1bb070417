import { type Config, type ModelFacts, readModelFacts } from '@imagemill/server/engine';
import {
  createModelStore,
  type InstalledModel,
  ModelError,
  projectModelsFolder,
  resolveModelsFolder,
} from '@imagemill/server/models';

/**
 * The model that the settings name, else the first that is installed, with the sizes and defaults that its files give.
 *
 * @throws ModelError `model_unknown`, `model_ambiguous`; DiffusionError for a checkpoint that cannot be used
 */
export async function findModelFacts(config: Config): Promise<ModelFacts> {
  const store = createModelStore({
    modelsFolder: resolveModelsFolder(config.modelsFolder),
    readOnlyFolders: [projectModelsFolder],
  });
  const installed = await store.list();
  const model = config.model === undefined ? installed[0] : await store.find(config.model);
  if (model === undefined) {
    throw new ModelError(
      'model_unknown',
      'No model is installed: "imagemill models pull Tongyi-MAI/Z-Image-Turbo" downloads one, --model names a folder.',
    );
  }
  return readModelFacts({ name: shownName(model, installed), path: model.path, family: model.family }, config);
}

/** The short name, as the API shows it; the whole id where two models share one. */
function shownName(model: InstalledModel, installed: readonly InstalledModel[]): string {
  const isShared = installed.some((other) => other.name === model.name && other.path !== model.path);
  return isShared ? model.id : model.name;
}
