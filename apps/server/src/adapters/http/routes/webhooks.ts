import {
  type Webhook as ApiWebhook,
  deliveryParamsSchema,
  idParamsSchema,
  listDeliveriesQuerySchema,
  rotateSecretSchema,
  type WebhookDelivery,
  webhookChangeSchema,
  webhookDeliveryPageSchema,
  webhookDeliverySchema,
  webhookListSchema,
  webhookRequestSchema,
  webhookSchema,
  webhookWithSecretSchema,
} from '@imagemill/api';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ManageWebhooks } from '../../../application/manage-webhooks.ts';
import type { DeliveryRecord } from '../../../application/webhook-ports.ts';
import type { Act } from '../../../application/write-audit.ts';
import { webhookId } from '../../../domain/ids.ts';
import type { DeliveryAttempt, Webhook } from '../../../domain/webhook.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import { callerOf, tenantOf } from '../tenant.ts';

export interface WebhookRoutePorts {
  readonly webhooks: ManageWebhooks;
}

const config = { permission: 'webhooks:manage' } as const;
const tags = ['webhooks'];
const changeProblems = problems(404, 409, 413, 415, 422, 507);

export function addWebhookRoutes(app: App, { webhooks }: WebhookRoutePorts): void {
  app.post(
    '/v1/webhooks',
    {
      config,
      schema: {
        operationId: 'createWebhook',
        summary: 'Have events sent to an address',
        description:
          'Messages are signed as Standard Webhooks has it. The secret is in this answer and in no other; repeats of a message have the same webhook-id.',
        tags,
        body: webhookRequestSchema,
        response: { 201: json('Made', webhookWithSecretSchema), ...changeProblems },
      },
    },
    async (request, reply) => {
      const webhook = await webhooks.create(actOf(request), request.body);
      const shown = { ...present(webhook), secret: webhook.secret };
      return reply.code(201).header('location', `/v1/webhooks/${webhook.id}`).send(shown);
    },
  );

  app.get(
    '/v1/webhooks',
    {
      config,
      schema: {
        operationId: 'listWebhooks',
        summary: 'The webhooks of your tenant',
        tags,
        response: { 200: json('All of them', webhookListSchema), ...problems() },
      },
    },
    async (request) => ({ items: (await webhooks.list(tenantOf(request))).map(present) }),
  );

  app.get(
    '/v1/webhooks/:id',
    {
      config,
      schema: {
        operationId: 'getWebhook',
        summary: 'One webhook',
        tags,
        params: idParamsSchema,
        response: { 200: json('The webhook', webhookSchema), ...problems(404, 422) },
      },
    },
    async (request) => present(await webhooks.get({ tenantId: tenantOf(request), id: webhookId(request.params.id) })),
  );

  addChangeRoutes(app, webhooks);
  addSecretRoute(app, webhooks);
  addDeliveryRoutes(app, webhooks);
}

function addChangeRoutes(app: App, webhooks: ManageWebhooks): void {
  app.patch(
    '/v1/webhooks/:id',
    {
      config,
      schema: {
        operationId: 'changeWebhook',
        summary: 'Change, disable or enable a webhook',
        tags,
        params: idParamsSchema,
        body: webhookChangeSchema,
        response: { 200: json('The webhook', webhookSchema), ...changeProblems },
      },
    },
    async (request) => present(await webhooks.change(actOf(request), webhookId(request.params.id), request.body)),
  );

  app.delete(
    '/v1/webhooks/:id',
    {
      config,
      schema: {
        operationId: 'deleteWebhook',
        summary: 'Delete a webhook and what waits for it',
        tags,
        params: idParamsSchema,
        response: { 204: z.undefined().describe('Deleted'), ...problems(404, 422, 507) },
      },
    },
    async (request, reply) => {
      await webhooks.remove(actOf(request), webhookId(request.params.id));
      return reply.code(204).send();
    },
  );
}

function addSecretRoute(app: App, webhooks: ManageWebhooks): void {
  app.post(
    '/v1/webhooks/:id/rotate-secret',
    {
      config,
      schema: {
        operationId: 'rotateWebhookSecret',
        summary: 'A new secret; both sign for a while',
        tags,
        params: idParamsSchema,
        body: rotateSecretSchema,
        response: { 200: json('With the new secret', webhookWithSecretSchema), ...changeProblems },
      },
    },
    async (request) => {
      const overlapMs = request.body.overlapHours * 3_600_000;
      const webhook = await webhooks.rotate(actOf(request), webhookId(request.params.id), overlapMs);
      return { ...present(webhook), secret: webhook.secret };
    },
  );
}

function addDeliveryRoutes(app: App, webhooks: ManageWebhooks): void {
  app.post(
    '/v1/webhooks/:id/test',
    {
      config,
      schema: {
        operationId: 'testWebhook',
        summary: 'Send a message of the type webhook.test',
        tags,
        params: idParamsSchema,
        response: { 202: json('Under way', webhookDeliverySchema), ...changeProblems },
      },
    },
    async (request, reply) => {
      const delivery = await webhooks.test(actOf(request), webhookId(request.params.id));
      return reply.code(202).send(presentDelivery({ delivery, log: [] }));
    },
  );

  app.get(
    '/v1/webhooks/:id/deliveries',
    {
      config,
      schema: {
        operationId: 'listWebhookDeliveries',
        summary: 'What was sent and what came of it, newest first',
        tags,
        params: idParamsSchema,
        querystring: listDeliveriesQuerySchema,
        response: { 200: json('One page', webhookDeliveryPageSchema), ...problems(404, 422) },
      },
    },
    async (request) => {
      const { limit, cursor, state } = request.query;
      const query = { tenantId: tenantOf(request), webhookId: webhookId(request.params.id), after: cursor, state };
      const found = await webhooks.deliveries({ ...query, limit: limit + 1 });
      const items = found.slice(0, limit);
      return {
        items: items.map(presentDelivery),
        nextCursor: found.length > limit ? items.at(-1)?.delivery.id : undefined,
      };
    },
  );

  app.post(
    '/v1/webhooks/:id/deliveries/:delivery/replay',
    {
      config,
      schema: {
        operationId: 'replayWebhookDelivery',
        summary: 'Send a message again, under the same id',
        tags,
        params: deliveryParamsSchema,
        response: { 202: json('Under way', webhookDeliverySchema), ...changeProblems },
      },
    },
    async (request, reply) => {
      const { id, delivery } = request.params;
      return reply.code(202).send(presentDelivery(await webhooks.replay(actOf(request), webhookId(id), delivery)));
    },
  );
}

function actOf(request: FastifyRequest): Act {
  return { caller: callerOf(request), address: request.ip };
}

function present(webhook: Webhook): ApiWebhook {
  const { id, url, description, events, createdAt, disabled, failingSince, oldSecret } = webhook;
  return {
    ...{ id, url, description, events, enabled: disabled === undefined },
    createdAt: time(createdAt),
    disabledAt: optionalTime(disabled?.at),
    disabledReason: disabled?.reason,
    failingSince: optionalTime(failingSince),
    oldSecretExpiresAt: optionalTime(oldSecret?.expiresAt),
  };
}

function presentDelivery({ delivery, log }: DeliveryRecord): WebhookDelivery {
  const { id, webhookId: endpoint, eventType, state, createdAt, nextAt, payload } = delivery;
  return {
    ...{ id, webhookId: endpoint, eventType, state, payload },
    createdAt: time(createdAt),
    nextAttemptAt: state === 'pending' ? time(nextAt) : undefined,
    attempts: log.map(({ at, ...attempt }: DeliveryAttempt) => ({ at: time(at), ...attempt })),
  };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

function optionalTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : time(ms);
}
