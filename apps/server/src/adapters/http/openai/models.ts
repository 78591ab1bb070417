import type { OpenAiModel } from '@imagemill/api';
import { findModel, modelFault } from '../../../application/find-model.ts';
import type { ModelCatalog } from '../../../application/ports.ts';
import { AppError } from '../../../domain/errors.ts';
import type { ModelFacts } from '../../../domain/model.ts';

/** Names that OpenAI's clients have built in; each stands for the default model. */
const modelAliases: readonly string[] = [
  'gpt-image-1',
  'gpt-image-1-mini',
  'gpt-image-1.5',
  'gpt-image-2',
  'chatgpt-image-latest',
  'dall-e-2',
  'dall-e-3',
];

const NONE = { kind: 'unknown' } as const;

function missing(name: string | undefined): string {
  return `The model ${JSON.stringify(name ?? 'default')} does not exist. GET /v1/models lists those that do.`;
}

/** A list as OpenAI's clients read it. */
export function openAiModels(names: readonly string[]): OpenAiModel[] {
  return [...names, ...modelAliases].map(openAiModel);
}

export function openAiModel(id: string): OpenAiModel {
  return { id, object: 'model', created: 0, owned_by: 'imagemill' };
}

/** The model that a name stands for, with its facts. @throws AppError `validation_failed` with `unknown_model` */
export function modelFor(name: string | undefined, models: ModelCatalog): ModelFacts {
  const usable = models.list().flatMap((entry) => (entry.kind === 'usable' ? [entry.facts] : []));
  const isAlias = name === undefined || /^(gpt-image-|dall-e-|chatgpt-image-)/.test(name);
  const found = name === undefined ? undefined : findModel(models, name);
  if (name !== undefined && found?.kind === 'usable') return { ...found.facts, name };
  if (isAlias && found?.kind !== 'not_offered' && usable[0] !== undefined) return usable[0];
  const fault = modelFault(name ?? 'default', found?.kind === 'usable' || found === undefined ? NONE : found, usable);
  const { message, expected } = found?.kind === 'not_offered' ? fault : { ...fault, message: missing(name) };
  const field = { field: 'model', code: 'unknown_model' as const, message, got: name, expected };
  throw new AppError('validation_failed', message, { fields: [field] });
}
