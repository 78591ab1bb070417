import { type EngineStatus as ApiEngineStatus, healthSchema, systemStatusSchema } from '@imagemill/api';
import type { SystemFacts } from '../../../application/get-system.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import type { HttpPorts } from '../ports.ts';
import { presentNotice } from '../present-notice.ts';
import { sendProblem } from '../problem.ts';

export function addSystemRoutes(app: App, ports: HttpPorts, version: string): void {
  app.get(
    '/v1/system',
    {
      config: { permission: 'system:read' },
      schema: {
        operationId: 'getSystem',
        summary: 'Version, engines, length of the queue, room on the disk',
        tags: ['system'],
        response: { 200: json('The state of the server', systemStatusSchema), ...problems() },
      },
    },
    async () => {
      const { startedAt, engines, queue, disk } = await ports.getSystem();
      return {
        version,
        startedAt: new Date(startedAt).toISOString(),
        engines: engines.map(presentEngine),
        queue,
        disk,
      };
    },
  );

  app.get(
    '/health/live',
    {
      config: { permission: 'public' },
      schema: {
        operationId: 'getLiveness',
        summary: 'Whether the process answers',
        tags: ['system'],
        response: { 200: json('It does', healthSchema), ...problems() },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/health/ready',
    {
      config: { permission: 'public' },
      schema: {
        operationId: 'getReadiness',
        summary: 'Whether requests should come to this process',
        tags: ['system'],
        response: { 200: json('They should', healthSchema), ...problems() },
      },
    },
    async (request, reply) => {
      const problem = await ports.whyNotReady();
      if (problem === undefined) return { status: 'ok' as const };
      return sendProblem(request, reply, problem);
    },
  );
}

function presentEngine(status: SystemFacts['engines'][number]): ApiEngineStatus {
  const { device, executionProvider, slots, crashes, problem, notes, memory } = status;
  const state = status.state === 'closed' ? 'broken' : status.state;
  return {
    ...{ state, device, executionProvider, slots, crashes, memory },
    problem: problem && presentNotice(problem),
    notes: notes.map(presentNotice),
  };
}
