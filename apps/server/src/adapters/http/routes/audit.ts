import { type AuditRecord as ApiAuditRecord, auditPageSchema, auditQuerySchema } from '@imagemill/api';
import type { AuditRecord } from '../../../domain/access/audit.ts';
import { type AdministrationPorts, pageOf, tenantNamed, timeOf } from '../administration.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';

export function addAuditRoute(app: App, { access }: AdministrationPorts): void {
  app.get(
    '/v1/audit',
    {
      config: { permission: 'audit:read' },
      schema: {
        operationId: 'listAudit',
        summary: 'Who changed what, and refused requests, newest first',
        tags: ['access'],
        querystring: auditQuerySchema,
        response: { 200: json('One page', auditPageSchema), ...problems(404, 422) },
      },
    },
    async (request) => {
      const { tenant, limit, cursor, action, from, to } = request.query;
      const found = await access.audit({
        ...{ tenantId: tenantNamed(request, tenant), limit: limit + 1, after: cursor, action },
        from: from === undefined ? undefined : Date.parse(from),
        to: to === undefined ? undefined : Date.parse(to),
      });
      return pageOf(found, limit, presentRecord);
    },
  );
}

function presentRecord({ at, ...record }: AuditRecord): ApiAuditRecord {
  return { ...record, at: timeOf(at) };
}
