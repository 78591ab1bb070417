import {
  type ModelActivity as ApiModelActivity,
  modelActivityListSchema,
  modelActivityParamsSchema,
  modelActivitySchema,
  modelParamsSchema,
  pullModelRequestSchema,
} from '@imagemill/api';
import type { ModelActivities, ModelActivity } from '../../../application/model-activities.ts';
import { AppError } from '../../../domain/errors.ts';
import { timeOf } from '../administration.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import { presentNotice } from '../present-notice.ts';

const config = { permission: 'models:manage' } as const;
const tags = ['models'];

/** Pulling models from a hub and checking the files of those that are here. */
export function addModelActivityRoutes(app: App, activities: ModelActivities): void {
  app.addHook('onClose', () => activities.close());

  app.get(
    '/v1/model-activities',
    {
      config,
      schema: {
        operationId: 'listModelActivities',
        summary: 'Pulls and checks of models since the start, newest first',
        tags,
        response: { 200: json('At most 50', modelActivityListSchema), ...problems() },
      },
    },
    async () => ({ items: activities.list().map(present) }),
  );

  app.post(
    '/v1/model-activities/pull',
    {
      config,
      schema: {
        operationId: 'pullModel',
        summary: 'Pull a model from Hugging Face or ModelScope onto the disk of this server',
        description: 'One that is here is repaired. It can be drawn with as soon as this has succeeded.',
        tags,
        body: pullModelRequestSchema,
        response: { 202: json('Ordered', modelActivitySchema), ...problems(409, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      const { repository, source = 'huggingface', revision } = request.body;
      return reply.code(202).send(present(activities.pull({ repository, source, revision })));
    },
  );

  app.post(
    '/v1/models/:name/verify',
    {
      config,
      schema: {
        operationId: 'verifyModel',
        summary: 'Check the files of a model against their hashes',
        tags,
        params: modelParamsSchema,
        response: { 202: json('Ordered', modelActivitySchema), ...problems(404, 409, 413, 415, 422) },
      },
    },
    async (request, reply) => reply.code(202).send(present(activities.verify(request.params.name))),
  );

  app.post(
    '/v1/model-activities/:id/cancel',
    {
      config,
      schema: {
        operationId: 'cancelModelActivity',
        summary: 'Stop a pull or a check',
        description: 'What a pull has received is kept: the next one goes on from it.',
        tags,
        params: modelActivityParamsSchema,
        response: { 200: json('It is being stopped', modelActivitySchema), ...problems(404, 413, 415, 422) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const activity = activities.cancel(id);
      if (activity === undefined) throw new AppError('model_activity_not_found', `There is no pull or check ${id}.`);
      return present(activity);
    },
  );
}

function present({ createdAt, finishedAt, faults, problem, ...facts }: ModelActivity): ApiModelActivity {
  const found = faults.map(({ path, fault }) => ({ path, fault }));
  return {
    ...facts,
    createdAt: timeOf(createdAt),
    finishedAt: timeOf(finishedAt),
    problem: problem && presentNotice(problem),
    faults: found,
  };
}
