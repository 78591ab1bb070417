import {
  type Member as ApiMember,
  idParamsSchema,
  listOfTenantQuerySchema,
  memberChangeSchema,
  memberPageSchema,
  memberRequestSchema,
  memberSchema,
  ofTenantQuerySchema,
} from '@imagemill/api';
import type { Member } from '../../../domain/access/tenant.ts';
import { memberId } from '../../../domain/ids.ts';
import { type AdministrationPorts, actOf, pageOf, tenantNamed, timeOf } from '../administration.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';

const config = { permission: 'members:manage' } as const;
const tags = ['access'];

export function addMemberRoutes(app: App, { manageMembers }: AdministrationPorts): void {
  app.get(
    '/v1/members',
    {
      config,
      schema: {
        operationId: 'listMembers',
        summary: 'List the people of a tenant, newest first',
        tags,
        querystring: listOfTenantQuerySchema,
        response: { 200: json('One page', memberPageSchema), ...problems(404, 422) },
      },
    },
    async (request) => {
      const { limit, cursor, tenant } = request.query;
      const after = cursor === undefined ? undefined : memberId(cursor);
      const found = await manageMembers.list({ tenantId: tenantNamed(request, tenant), limit: limit + 1, after });
      return pageOf(found, limit, presentMember);
    },
  );

  app.post(
    '/v1/members',
    {
      config,
      schema: {
        operationId: 'createMember',
        summary: 'Add a person to a tenant',
        tags,
        body: memberRequestSchema,
        response: { 201: json('The member', memberSchema), ...problems(404, 409, 413, 415, 422, 507) },
      },
    },
    async (request, reply) => {
      const { tenantId, name = '', ...input } = request.body;
      const whose = tenantNamed(request, tenantId);
      const made = await manageMembers.create(actOf(request), { ...input, name, tenantId: whose });
      return reply.code(201).send(presentMember(made));
    },
  );

  app.patch(
    '/v1/members/:id',
    {
      config,
      schema: {
        operationId: 'changeMember',
        summary: 'Change name or role of a person, or disable them',
        description: "A disabled member's keys and sessions are refused at once.",
        tags,
        params: idParamsSchema,
        querystring: ofTenantQuerySchema,
        body: memberChangeSchema,
        response: { 200: json('The member', memberSchema), ...problems(404, 413, 415, 422, 507) },
      },
    },
    async (request) => {
      const { disabled: isDisabled, ...change } = request.body;
      const which = { tenantId: tenantNamed(request, request.query.tenant), id: memberId(request.params.id) };
      return presentMember(await manageMembers.change(actOf(request), which, { ...change, isDisabled }));
    },
  );
}

function presentMember({ identity: _identity, createdAt, disabledAt, lastSeenAt, ...facts }: Member): ApiMember {
  return { ...facts, createdAt: timeOf(createdAt), disabledAt: timeOf(disabledAt), lastSeenAt: timeOf(lastSeenAt) };
}
