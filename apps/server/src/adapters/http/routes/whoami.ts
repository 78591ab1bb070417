import { callerSchema } from '@imagemill/api';
import type { AdministrationPorts } from '../administration.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import { presentCaller } from '../present-caller.ts';
import { callerOf } from '../tenant.ts';

export function addWhoamiRoute(app: App, ports: AdministrationPorts): void {
  app.get(
    '/v1/whoami',
    {
      config: { permission: 'authenticated' },
      schema: {
        operationId: 'whoami',
        summary: 'Who calls, and what the caller may do',
        tags: ['access'],
        response: { 200: json('The caller', callerSchema), ...problems() },
      },
    },
    async (request) => presentCaller(ports, callerOf(request)),
  );
}
