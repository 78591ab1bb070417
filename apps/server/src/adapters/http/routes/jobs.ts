import { idParamsSchema, jobDetailSchema, jobSchema, ofTenantQuerySchema, priorityRequestSchema } from '@imagemill/api';
import { jobId } from '../../../domain/ids.ts';
import { actOf, askerNamed, tenantNamed } from '../administration.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import type { HttpPorts } from '../ports.ts';
import { presentJob, presentJobDetail } from '../present.ts';
import { presentingTo } from '../presenting.ts';

export function addJobRoutes(app: App, ports: HttpPorts): void {
  app.get(
    '/v1/jobs/:id',
    {
      config: { permission: 'generations:read' },
      schema: {
        operationId: 'getJob',
        summary: 'One job with its past attempts',
        tags: ['jobs'],
        params: idParamsSchema,
        querystring: ofTenantQuerySchema,
        response: { 200: json('The job', jobDetailSchema), ...problems(404, 422) },
      },
    },
    async (request) => {
      const id = jobId(request.params.id);
      return presentJobDetail(
        await ports.getJob({ tenantId: tenantNamed(request, request.query.tenant), id }),
        presentingTo(request, ports),
      );
    },
  );

  addCancelRoute(app, ports);
  addQueueingRoutes(app, ports);
}

/** Another place in the queue, and another try. */
function addQueueingRoutes(app: App, ports: HttpPorts): void {
  app.post(
    '/v1/jobs/:id/priority',
    {
      config: { permission: 'generations:write' },
      schema: {
        operationId: 'setJobPriority',
        summary: 'Move a job to another class of the queue',
        description: 'A job that waits goes to the end of its class; one that runs, if it has to be tried again.',
        tags: ['jobs'],
        params: idParamsSchema,
        querystring: ofTenantQuerySchema,
        body: priorityRequestSchema,
        response: { 200: json('The job', jobSchema), ...problems(404, 409, 413, 415, 422, 507) },
      },
    },
    async (request) => {
      const { priority } = request.body;
      const id = jobId(request.params.id);
      return presentJob(
        await ports.setPriority({
          ...{ tenantId: tenantNamed(request, request.query.tenant), id, priority },
          act: actOf(request),
        }),
        presentingTo(request, ports),
      );
    },
  );

  app.post(
    '/v1/jobs/:id/redrive',
    {
      config: { permission: 'generations:write' },
      schema: {
        operationId: 'redriveJob',
        summary: 'Queue a dead or failed job again',
        description: 'It gets all its attempts anew, and its generation runs again.',
        tags: ['jobs'],
        params: idParamsSchema,
        querystring: ofTenantQuerySchema,
        response: { 200: json('The job', jobSchema), ...problems(404, 409, 413, 415, 422, 507) },
      },
    },
    async (request) => {
      const id = jobId(request.params.id);
      return presentJob(
        await ports.redriveJobs.one({ ...askerNamed(request, request.query.tenant), id, act: actOf(request) }),
        presentingTo(request, ports),
      );
    },
  );
}

function addCancelRoute(app: App, ports: HttpPorts): void {
  app.post(
    '/v1/jobs/:id/cancel',
    {
      config: { permission: 'generations:write' },
      schema: {
        operationId: 'cancelJob',
        summary: 'Cancel a job',
        description: 'A job that waits ends at once, one that runs at its next denoise step. Again is as good as once.',
        tags: ['jobs'],
        params: idParamsSchema,
        querystring: ofTenantQuerySchema,
        response: { 200: json('The job', jobSchema), ...problems(404, 409, 413, 415, 422, 507) },
      },
    },
    async (request) => {
      const id = jobId(request.params.id);
      return presentJob(
        await ports.cancelJob({ tenantId: tenantNamed(request, request.query.tenant), id, act: actOf(request) }),
        presentingTo(request, ports),
      );
    },
  );
}
