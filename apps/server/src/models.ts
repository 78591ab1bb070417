/** The model library by itself, for programs that neither serve nor draw. */
export { createHuggingFaceHub } from './adapters/hub/hugging-face-hub.ts';
export { createModelScopeHub } from './adapters/hub/model-scope-hub.ts';
export { createModelStore, type ModelStoreOptions } from './adapters/hub/model-store.ts';
export { projectModelsFolder, resolveModelsFolder } from './adapters/hub/models-folder.ts';
export { timerPauses } from './adapters/hub/timer-pauses.ts';
export { createListModels } from './application/list-models.ts';
export { ModelError, type ModelErrorCode, modelErrorCodes } from './application/model-errors.ts';
export type {
  FileFault,
  HubSource,
  InstalledModel,
  ModelHub,
  ModelOrigin,
  ModelStore,
  VerificationState,
  VerifyReport,
} from './application/model-ports.ts';
export { createPullModel, type PullEvent, type PullResult } from './application/pull-model.ts';
export { createRecordModel, createVerifyModel } from './application/verify-model.ts';
export { loadConfig } from './config/load.ts';
