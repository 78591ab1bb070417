import { diagnosisSchema } from '@imagemill/api';
import type { Diagnose } from '../../../application/doctor.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';

/** What a look at the server finds, and what the watchdog did. */
export function addDoctorRoute(app: App, diagnose: Diagnose, version: string): void {
  app.get(
    '/v1/doctor',
    {
      config: { permission: 'operations:read' },
      schema: {
        operationId: 'getDiagnosis',
        summary: 'What a look at the server finds, and what the watchdog did',
        tags: ['operation'],
        response: { 200: json('The checks', diagnosisSchema), ...problems() },
      },
    },
    async () => {
      const { at, checks, incidents } = await diagnose();
      return {
        version,
        at: new Date(at).toISOString(),
        checks: checks.map((check) => ({ ...check })),
        incidents: incidents.map((incident) => ({ ...incident, at: new Date(incident.at).toISOString() })),
      };
    },
  );
}
