import {
  type GenerationRequest,
  generationPageSchema,
  generationRequestSchema,
  generationSchema,
  idParamsSchema,
  listGenerationsQuerySchema,
  ofTenantQuerySchema,
  submitHeadersSchema,
} from '@imagemill/api';
import type { SubmitGenerationInput } from '../../../application/submit-generation.ts';
import { generationId } from '../../../domain/ids.ts';
import { actOf, tenantNamed, tenantsNamed } from '../administration.ts';
import type { App } from '../app-type.ts';
import { hashOfBody } from '../idempotency.ts';
import { json, problems } from '../openapi.ts';
import type { HttpPorts } from '../ports.ts';
import { presentGeneration } from '../present.ts';
import { presentingTo } from '../presenting.ts';
import { askerOf } from '../tenant.ts';

export function addGenerationRoutes(app: App, ports: HttpPorts): void {
  app.post(
    '/v1/generations',
    {
      config: { permission: 'generations:write' },
      schema: {
        operationId: 'submitGeneration',
        summary: 'Ask for pictures',
        description: 'Answers as soon as the request is on disk; the pictures are drawn one after the other.',
        tags: ['generations'],
        headers: submitHeadersSchema,
        body: generationRequestSchema,
        response: { 202: json('Accepted', generationSchema), ...problems(409, 413, 415, 422, 507) },
      },
    },
    async (request, reply) => {
      const key = request.headers['idempotency-key'];
      const record = await ports.submitGeneration({
        ...inputOf(request.body, ports.clock.now()),
        ...askerOf(request),
        idempotency: key === undefined ? undefined : { key, bodyHash: hashOfBody(request.body) },
      });
      if (record.isReplay) reply.header('idempotency-replayed', 'true');
      const generation = presentGeneration(record, presentingTo(request, ports));
      return reply.code(202).header('location', generation.links.self).send(generation);
    },
  );

  app.get(
    '/v1/generations',
    {
      config: { permission: 'generations:read' },
      schema: {
        operationId: 'listGenerations',
        summary: 'List generations, newest first',
        tags: ['generations'],
        querystring: listGenerationsQuerySchema,
        response: { 200: json('One page', generationPageSchema), ...problems(404, 422) },
      },
    },
    async (request) => {
      const { limit, cursor, state, mine, tenant } = request.query;
      const after = cursor === undefined ? undefined : generationId(cursor);
      const askedBy = mine === true ? askerOf(request).askedBy : undefined;
      const tenantId = tenantsNamed(request, tenant);
      const { items, next } = await ports.listGenerations({ tenantId, askedBy, limit, after, state });
      return { items: items.map((item) => presentGeneration(item, presentingTo(request, ports))), nextCursor: next };
    },
  );

  app.get(
    '/v1/generations/:id',
    {
      config: { permission: 'generations:read' },
      schema: {
        operationId: 'getGeneration',
        summary: 'One generation with its jobs',
        tags: ['generations'],
        params: idParamsSchema,
        querystring: ofTenantQuerySchema,
        response: { 200: json('The generation', generationSchema), ...problems(404, 422) },
      },
    },
    async (request) => {
      const id = generationId(request.params.id);
      return presentGeneration(
        await ports.getGeneration({ tenantId: tenantNamed(request, request.query.tenant), id }),
        presentingTo(request, ports),
      );
    },
  );

  addCancelRoute(app, ports);
}

function addCancelRoute(app: App, ports: HttpPorts): void {
  app.post(
    '/v1/generations/:id/cancel',
    {
      config: { permission: 'generations:write' },
      schema: {
        operationId: 'cancelGeneration',
        summary: 'Cancel all jobs that have not ended',
        description: 'What waits ends at once, what runs at its next denoise step. Again is as good as once.',
        tags: ['generations'],
        params: idParamsSchema,
        querystring: ofTenantQuerySchema,
        response: { 200: json('The generation', generationSchema), ...problems(404, 409, 413, 415, 422, 507) },
      },
    },
    async (request) => {
      const id = generationId(request.params.id);
      return presentGeneration(
        await ports.cancelGeneration({ tenantId: tenantNamed(request, request.query.tenant), id, act: actOf(request) }),
        presentingTo(request, ports),
      );
    },
  );
}

function inputOf(body: GenerationRequest, now: number): Omit<SubmitGenerationInput, 'tenantId'> {
  const { deadline, maxRetries, retryBackoffSeconds, ...settings } = body;
  return {
    ...settings,
    dueAt:
      typeof deadline === 'number'
        ? now + Math.round(deadline * 1_000)
        : deadline === undefined
          ? undefined
          : Date.parse(deadline),
    maxAttempts: maxRetries === undefined ? undefined : maxRetries + 1,
    backOffMs: retryBackoffSeconds === undefined ? undefined : Math.round(retryBackoffSeconds * 1_000),
  };
}
