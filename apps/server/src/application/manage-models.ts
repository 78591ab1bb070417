import { AppError } from '../domain/errors.ts';
import type { ModelFacts } from '../domain/model.ts';
import type { DrawingEngine, ModelChoice } from './engine-port.ts';
import { findModel, modelFault } from './find-model.ts';
import type { Logger, ModelCatalog } from './ports.ts';

export interface ManageModels {
  /**
   * Orders a model into the memory of the engine, as `name` or `name:precision`. The result says whether it was there;
   * otherwise it is on its way, and how that ends shows in the list of models.
   * @throws AppError `model_not_found`, `engine_unavailable`
   */
  load(name: string): { readonly wasLoaded: boolean };
  /**
   * Takes it out; one that is not there is no error.
   * @throws AppError `model_not_found`, `model_in_use`, `engine_unavailable`
   */
  unload(name: string): Promise<void>;
}

export function createManageModels(ports: {
  readonly engine: Pick<DrawingEngine, 'status' | 'load' | 'unload'>;
  readonly models: ModelCatalog;
  readonly log: Logger;
}): ManageModels {
  const { engine, models, log } = ports;
  const choose = (name: string): ModelChoice => {
    const choice = choiceOf(name, models);
    const { state, problem } = engine.status;
    if (state !== 'ready') throw new AppError('engine_unavailable', problem?.message ?? `The engine is ${state}.`);
    return choice;
  };
  return {
    load(name) {
      const choice = choose(name);
      const held = engine.status.models.find((model) => isSame(model, choice));
      if (held?.state === 'loaded') return { wasLoaded: true };
      void engine.load(choice).then((fault) => {
        if (fault !== undefined) log.warn(fault, `the model ${name} could not be loaded: ${fault.message}`);
      });
      return { wasLoaded: false };
    },
    async unload(name) {
      const fault = await engine.unload(choose(name));
      if (fault === undefined) return;
      const { code, message, details } = fault;
      if (code === 'model_in_use') throw new AppError('model_in_use', `The model ${name} is in use.`, { details });
      if (code === 'engine_unavailable' || code === 'engine_crashed') throw new AppError('engine_unavailable', message);
      throw new AppError('internal_error', message, { details });
    },
  };
}

/** @throws AppError `model_not_found` */
function choiceOf(name: string, models: ModelCatalog): ModelChoice {
  const found = findModel(models, name);
  if (found.kind === 'usable') return { modelPath: found.facts.path, precision: found.precision };
  const usable = models.list().flatMap((entry): ModelFacts[] => (entry.kind === 'usable' ? [entry.facts] : []));
  const { message, expected } = modelFault(name, found, usable);
  throw new AppError('model_not_found', `${message} Expected is ${expected}.`, { details: { model: name } });
}

function isSame(a: ModelChoice, b: ModelChoice): boolean {
  return a.modelPath === b.modelPath && a.precision === b.precision;
}
