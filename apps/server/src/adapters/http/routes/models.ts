import { type Model, modelListSchema, modelParamsSchema, modelSchema } from '@imagemill/api';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { findModel } from '../../../application/find-model.ts';
import type { Logger } from '../../../application/ports.ts';
import { AppError } from '../../../domain/errors.ts';
import type { App } from '../app-type.ts';
import { createOpenAiErrorHandler } from '../openai/errors.ts';
import { openAiModels } from '../openai/models.ts';
import { json, problems } from '../openapi.ts';
import type { HttpPorts } from '../ports.ts';
import { presentModels } from '../present-models.ts';
import { createErrorHandler } from '../problem.ts';

export function addModelRoutes(app: App, { models, manageModels, engineStatus, log }: HttpPorts): void {
  const present = (): Model[] =>
    presentModels(
      models.list(),
      engineStatus().flatMap((engine) => engine.models),
    );
  const presentOne = (name: string): Model => {
    const found = findModel(models, name);
    const model = found.kind === 'usable' ? present().find((one) => one.name === found.facts.name) : undefined;
    if (model === undefined) throw new AppError('model_not_found', `There is no model ${JSON.stringify(name)}.`);
    return model;
  };

  app.get(
    '/v1/models',
    {
      config: { permission: 'models:read' },
      errorHandler: createListErrorHandler(log),
      schema: {
        operationId: 'listModels',
        summary: 'Models with their sizes and limits, the precisions they come in, and what is in memory',
        description: '`object` and `data` are the same list as clients of OpenAI read it, with the names they know.',
        tags: ['models'],
        response: { 200: json('All models', modelListSchema), ...problems() },
      },
    },
    async () => {
      const items = present();
      return { items, object: 'list' as const, data: openAiModels(items.map(({ name }) => name)) };
    },
  );

  app.post(
    '/v1/models/:name/load',
    {
      config: { permission: 'models:manage' },
      schema: {
        operationId: 'loadModel',
        summary: 'Bring a model into memory',
        description: 'Takes `demo` or `demo:w8a8`. 202 while it is on its way: GET /v1/models tells how that ends.',
        tags: ['models'],
        params: modelParamsSchema,
        response: {
          200: json('It was there', modelSchema),
          202: json('It is being loaded', modelSchema),
          ...problems(404, 413, 415, 422),
        },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { wasLoaded } = manageModels.load(name);
      return reply.code(wasLoaded ? 200 : 202).send(presentOne(name));
    },
  );

  app.post(
    '/v1/models/:name/unload',
    {
      config: { permission: 'models:manage' },
      schema: {
        operationId: 'unloadModel',
        summary: 'Take a model out of memory',
        description: 'The next picture that needs it loads it again. One that is not in memory is no error.',
        tags: ['models'],
        params: modelParamsSchema,
        response: { 200: json('It is not in memory', modelSchema), ...problems(404, 409, 413, 415, 422) },
      },
    },
    async (request) => {
      const { name } = request.params;
      await manageModels.unload(name);
      return presentOne(name);
    },
  );
}

/** The list has two kinds of readers; OpenAI's packages say in a header who they are. */
function createListErrorHandler(log: Logger) {
  const [native, openAi] = [createErrorHandler(log), createOpenAiErrorHandler(log)];
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    request.headers['x-stainless-lang'] === undefined ? native(error, request, reply) : openAi(error, request, reply);
}
