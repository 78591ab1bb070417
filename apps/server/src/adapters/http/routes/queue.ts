import {
  deadLetterPageSchema,
  listDeadLettersQuerySchema,
  type QueueClass,
  type QueueStatus,
  queueStatusSchema,
  type RedriveRequest,
  redriveRequestSchema,
  redriveResultSchema,
} from '@imagemill/api';
import type { FastifyRequest } from 'fastify';
import type { ClassCounts, DeadLetterFilter, QueueFacts } from '../../../application/queue-ports.ts';
import { generationId, jobId } from '../../../domain/ids.ts';
import { actOf, tenantsNamed } from '../administration.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import type { HttpPorts } from '../ports.ts';
import { presentJobDetail } from '../present.ts';
import { presentingTo } from '../presenting.ts';
import { askerOf } from '../tenant.ts';

export function addQueueRoutes(app: App, ports: HttpPorts): void {
  const status = json('The queue', queueStatusSchema);
  const present = (facts: QueueFacts): QueueStatus => presentQueue(facts, ports.clock.now());

  app.get(
    '/v1/queue',
    {
      config: { permission: 'queue:read' },
      schema: {
        operationId: 'getQueue',
        summary: 'How long the queue is, by class, and whether it runs',
        tags: ['queue'],
        response: { 200: status, ...problems() },
      },
    },
    async () => present(await ports.getQueue()),
  );

  app.post(
    '/v1/queue/pause',
    {
      config: { permission: 'queue:manage' },
      schema: {
        operationId: 'pauseQueue',
        summary: 'Start nothing new',
        description: 'Pictures under way end, new generations are accepted and wait, also over a restart.',
        tags: ['queue'],
        response: { 200: status, ...problems(413, 415, 507) },
      },
    },
    async (request) => present(await ports.controlQueue.pause(actOf(request))),
  );

  app.post(
    '/v1/queue/resume',
    {
      config: { permission: 'queue:manage' },
      schema: {
        operationId: 'resumeQueue',
        summary: 'Go on after a pause',
        tags: ['queue'],
        response: { 200: status, ...problems(413, 415, 507) },
      },
    },
    async (request) => present(await ports.controlQueue.resume(actOf(request))),
  );
}

export function addDeadLetterRoutes(app: App, ports: HttpPorts): void {
  app.get(
    '/v1/dead-letters',
    {
      config: { permission: 'generations:read' },
      schema: {
        operationId: 'listDeadLetters',
        summary: 'Jobs that ended without a picture, newest first, with the errors of all attempts',
        tags: ['queue'],
        querystring: listDeadLettersQuerySchema,
        response: { 200: json('One page', deadLetterPageSchema), ...problems(404, 422) },
      },
    },
    async (request) => {
      const { limit, cursor, tenant, ...filter } = request.query;
      const after = cursor === undefined ? undefined : jobId(cursor);
      const query = { ...filterOf(request, filter), tenantId: tenantsNamed(request, tenant), limit, after };
      const { items, next } = await ports.listDeadLetters(query);
      return { items: items.map((item) => presentJobDetail(item, presentingTo(request, ports))), nextCursor: next };
    },
  );

  app.post(
    '/v1/dead-letters/redrive',
    {
      config: { permission: 'generations:write' },
      schema: {
        operationId: 'redriveDeadLetters',
        summary: 'Queue all that fit a filter again',
        description: 'The empty object queues every dead job again. Each gets all its attempts anew.',
        tags: ['queue'],
        body: redriveRequestSchema,
        response: { 200: json('How many', redriveResultSchema), ...problems(413, 415, 422, 507) },
      },
    },
    async (request) => {
      const { tenantId, keyId } = askerOf(request);
      const redriven = await ports.redriveJobs.all({ ...filterOf(request, request.body), tenantId, keyId });
      return { redriven };
    },
  );
}

function filterOf(request: FastifyRequest, { state, code, generationId: id, mine }: RedriveRequest): DeadLetterFilter {
  const askedBy = mine === true ? askerOf(request).askedBy : undefined;
  return { state, code, askedBy, generationId: id === undefined ? undefined : generationId(id) };
}

function presentQueue({ pausedSince, classes, dead }: QueueFacts, now: number): QueueStatus {
  const presentClass = ({ queued, backingOff, running, costMs, oldestAt }: ClassCounts): QueueClass => ({
    ...{ queued, backingOff, running },
    oldestSeconds: oldestAt === undefined ? undefined : Math.max(0, (now - oldestAt) / 1_000),
    predictedSeconds: costMs / 1_000,
  });
  return {
    paused: pausedSince !== undefined,
    pausedSince: pausedSince === undefined ? undefined : new Date(pausedSince).toISOString(),
    classes: {
      interactive: presentClass(classes.interactive),
      standard: presentClass(classes.standard),
      bulk: presentClass(classes.bulk),
    },
    deadLetters: dead,
  };
}
