import { callerSchema } from '@imagemill/api';
import { readStanding } from '../../../application/read-standing.ts';
import { type AdministrationPorts, timeOf } from '../administration.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import { callerOf } from '../tenant.ts';

export function addWhoamiRoute(app: App, { access, usage, clock }: AdministrationPorts): void {
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
    async (request) => {
      const { name, tenantId, role, permissions, keyId, memberId } = callerOf(request);
      const tenant = (await access.findTenant(tenantId))?.limits ?? {};
      const key = keyId && (await access.findKey(keyId))?.limits;
      const limits = { tenant, key: key || undefined };
      const found = await readStanding(usage, { tenantId, keyId }, limits, clock.now());
      const standing = found.map(({ resetsAt, ...one }) => ({
        ...one,
        remaining: Math.max(0, one.limit - one.used),
        resetsAt: timeOf(resetsAt),
      }));
      return { name, tenantId, role, permissions: [...permissions], keyId, memberId, limits, standing };
    },
  );
}
