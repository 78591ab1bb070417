import { modelListSchema } from '@imagemill/api';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import type { HttpPorts } from '../ports.ts';
import { presentModels } from '../present.ts';

export function addModelRoutes(app: App, { models, engineStatus }: HttpPorts): void {
  app.get(
    '/v1/models',
    {
      config: { permission: 'models:read' },
      schema: {
        operationId: 'listModels',
        summary: 'Models with their sizes and limits',
        tags: ['models'],
        response: { 200: json('All models', modelListSchema), ...problems() },
      },
    },
    async () => {
      const loaded = new Set(engineStatus().flatMap((engine) => engine.loadedModels));
      return { items: presentModels(models.list(), loaded) };
    },
  );
}
