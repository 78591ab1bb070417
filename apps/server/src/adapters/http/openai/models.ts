import type { OpenAiModel } from '@imagemill/api';
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
  const found = usable.find((facts) => facts.name === name) ?? (isAlias ? usable[0] : undefined);
  if (found !== undefined) return found;
  const message = `The model ${JSON.stringify(name ?? 'default')} does not exist. GET /v1/models lists those that do.`;
  const expected = `one of: ${usable.map((facts) => facts.name).join(', ') || '(no model is usable)'}`;
  const field = { field: 'model', code: 'unknown_model' as const, message, got: name, expected };
  throw new AppError('validation_failed', message, { fields: [field] });
}
