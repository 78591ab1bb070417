import { rotateUrlKeySchema, type UrlKey, urlKeySchema } from '@imagemill/api';
import { type AdministrationPorts, actOf, timeOf } from '../administration.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';

export function addUrlKeyRoute(app: App, { rotateUrlKey }: AdministrationPorts): void {
  app.post(
    '/v1/url-key/rotate',
    {
      config: { permission: 'tenants:manage' },
      schema: {
        operationId: 'rotateUrlKey',
        summary: 'Let a new secret sign addresses of pictures',
        description:
          'It signs some seconds later, when every process has heard of it. Addresses handed out before stay good for their time (assetUrlSeconds); then the old secret is deleted. With endOld they end within seconds.',
        tags: ['access'],
        body: rotateUrlKeySchema,
        response: { 201: json('The new secret, by its name', urlKeySchema), ...problems(413, 415, 422, 507) },
      },
    },
    async (request, reply) => {
      const { id, createdAt } = await rotateUrlKey(actOf(request), { endsOld: request.body.endOld });
      return reply.code(201).send({ id, createdAt: timeOf(createdAt) } satisfies UrlKey);
    },
  );
}
