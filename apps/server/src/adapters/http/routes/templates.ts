import {
  type Template as ApiTemplate,
  templateListSchema,
  templateParamsSchema,
  templateRequestSchema,
  templateSchema,
} from '@imagemill/api';
import { z } from 'zod';
import type { ManageTemplates, Template } from '../../../application/manage-templates.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import { tenantOf } from '../tenant.ts';

export interface TemplateRoutePorts {
  readonly templates: ManageTemplates;
}

const tags = ['generations'];
const write = { permission: 'generations:write' } as const;

export function addTemplateRoutes(app: App, { templates }: TemplateRoutePorts): void {
  app.get(
    '/v1/templates',
    {
      config: { permission: 'generations:read' },
      schema: {
        operationId: 'listTemplates',
        summary: 'Prompts with fields, by name',
        tags,
        response: { 200: json('All of them', templateListSchema), ...problems(422) },
      },
    },
    async (request) => ({ items: (await templates.list(tenantOf(request))).map(present) }),
  );

  app.put(
    '/v1/templates/:name',
    {
      config: write,
      schema: {
        operationId: 'saveTemplate',
        summary: 'Keep a prompt with fields for all members',
        description:
          'In place of the one of the same name, if there is one. {{prompt}} is what the user writes; every other name in double braces is a field to fill in.',
        tags,
        params: templateParamsSchema,
        body: templateRequestSchema,
        response: { 200: json('Kept', templateSchema), ...problems(413, 415, 422, 507) },
      },
    },
    async (request) =>
      present(await templates.save({ ...request.body, name: request.params.name, tenantId: tenantOf(request) })),
  );

  app.delete(
    '/v1/templates/:name',
    {
      config: write,
      schema: {
        operationId: 'deleteTemplate',
        summary: 'Forget a prompt with fields',
        description: 'Again is as good as once.',
        tags,
        params: templateParamsSchema,
        response: { 204: z.undefined().describe('Gone'), ...problems(422, 507) },
      },
    },
    async (request, reply) => {
      await templates.remove({ name: request.params.name, tenantId: tenantOf(request) });
      return reply.code(204).send();
    },
  );
}

function present({ name, prompt, negativePrompt, createdAt }: Template): ApiTemplate {
  return { name, prompt, negativePrompt, createdAt: new Date(createdAt).toISOString() };
}
