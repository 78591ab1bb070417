import { ofTenantQuerySchema, retentionAnswerSchema, retentionChangeSchema } from '@imagemill/api';
import { type AdministrationPorts, actOf, tenantNamed } from '../administration.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';

export function addRetentionRoutes(app: App, { retention }: AdministrationPorts): void {
  const answer = json('The rules', retentionAnswerSchema);
  app.get(
    '/v1/retention',
    {
      config: { permission: 'retention:manage' },
      schema: {
        operationId: 'getRetention',
        summary: 'How long pictures and records of a tenant are kept',
        tags: ['access'],
        querystring: ofTenantQuerySchema,
        response: { 200: answer, ...problems(404, 422) },
      },
    },
    async (request) => retention.get(tenantNamed(request, request.query.tenant)),
  );

  app.put(
    '/v1/retention',
    {
      config: { permission: 'retention:manage' },
      schema: {
        operationId: 'setRetention',
        summary: 'Set how long pictures and records of a tenant are kept',
        description:
          'What is left out is as for the whole installation, null keeps for ever; an empty body goes back to the installation. What is older goes within minutes, for good.',
        tags: ['access'],
        querystring: ofTenantQuerySchema,
        body: retentionChangeSchema,
        response: { 200: answer, ...problems(404, 413, 415, 422, 507) },
      },
    },
    async (request) => retention.set(actOf(request), tenantNamed(request, request.query.tenant), request.body),
  );
}
