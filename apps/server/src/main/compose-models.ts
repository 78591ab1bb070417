/** Wiring of pulls and checks of models. */
import { createHuggingFaceHub } from '../adapters/hub/hugging-face-hub.ts';
import { createModelScopeHub } from '../adapters/hub/model-scope-hub.ts';
import { timerPauses } from '../adapters/hub/timer-pauses.ts';
import { createModelActivities, type ModelActivities } from '../application/model-activities.ts';
import type { Clock, IdSource, Logger } from '../application/ports.ts';
import { createPullModel } from '../application/pull-model.ts';
import { createVerifyModel } from '../application/verify-model.ts';
import type { Config } from '../config/load.ts';
import { type InstalledCatalog, openModelStore } from './find-models.ts';

export interface ModelActivityParts {
  readonly models: InstalledCatalog;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly log: Logger;
}

export function composeModelActivities(
  config: Config,
  { models, ids, clock, log }: ModelActivityParts,
): ModelActivities {
  const store = openModelStore(config);
  const { huggingFace, modelScope } = config.hubs;
  return createModelActivities({
    pullFrom(source) {
      const hub = source === 'modelscope' ? createModelScopeHub(modelScope) : createHuggingFaceHub(huggingFace);
      return createPullModel({ hub, store, pauses: timerPauses });
    },
    verifyModel: createVerifyModel({ store }),
    models,
    refresh: models.refresh,
    ...{ ids, clock, log },
  });
}
