import {
  type Tenant as ApiTenant,
  pageQuerySchema,
  tenantChangeSchema,
  tenantPageSchema,
  tenantParamsSchema,
  tenantRequestSchema,
  tenantSchema,
} from '@imagemill/api';
import { z } from 'zod';
import type { Tenant } from '../../../domain/access/tenant.ts';
import { tenantId } from '../../../domain/ids.ts';
import { type AdministrationPorts, actOf, pageOf, timeOf } from '../administration.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';

const config = { permission: 'tenants:manage' } as const;
const tags = ['access'];

export function addTenantRoutes(app: App, ports: AdministrationPorts): void {
  const { manageTenants } = ports;
  app.get(
    '/v1/tenants',
    {
      config,
      schema: {
        operationId: 'listTenants',
        summary: 'List tenants by name',
        tags,
        querystring: pageQuerySchema,
        response: { 200: json('One page', tenantPageSchema), ...problems(422) },
      },
    },
    async (request) => {
      const { limit, cursor = '' } = request.query;
      const rest = (await manageTenants.list()).filter(({ id }) => id > cursor);
      return pageOf(rest.slice(0, limit + 1), limit, presentTenant);
    },
  );

  app.post(
    '/v1/tenants',
    {
      config,
      schema: {
        operationId: 'createTenant',
        summary: 'Make a tenant',
        tags,
        body: tenantRequestSchema,
        response: { 201: json('The tenant', tenantSchema), ...problems(409, 413, 415, 422, 507) },
      },
    },
    async (request, reply) => {
      const { id, name = id, weight, limits, labels } = request.body;
      const made = await manageTenants.create(actOf(request), { id: tenantId(id), name, weight, limits, labels });
      return reply.code(201).header('location', `/v1/tenants/${id}`).send(presentTenant(made));
    },
  );

  app.get(
    '/v1/tenants/:id',
    {
      config,
      schema: {
        operationId: 'getTenant',
        summary: 'One tenant',
        tags,
        params: tenantParamsSchema,
        response: { 200: json('The tenant', tenantSchema), ...problems(404, 422) },
      },
    },
    async (request) => presentTenant(await manageTenants.get(tenantId(request.params.id))),
  );

  addDeleteRoute(app, ports);

  app.patch(
    '/v1/tenants/:id',
    {
      config,
      schema: {
        operationId: 'changeTenant',
        summary: 'Change name, weight, limits or labels of a tenant, or disable it',
        description: 'A limit that is null is taken away. The keys of a disabled tenant are refused; its data stays.',
        tags,
        params: tenantParamsSchema,
        body: tenantChangeSchema,
        response: { 200: json('The tenant', tenantSchema), ...problems(404, 409, 413, 415, 422, 507) },
      },
    },
    async (request) => {
      const { disabled: isDisabled, ...change } = request.body;
      const id = tenantId(request.params.id);
      return presentTenant(await manageTenants.change(actOf(request), id, { ...change, isDisabled }));
    },
  );
}

function addDeleteRoute(app: App, { manageTenants }: AdministrationPorts): void {
  app.delete(
    '/v1/tenants/:id',
    {
      config,
      schema: {
        operationId: 'deleteTenant',
        summary: 'Delete a tenant that is disabled and has no records',
        description: 'With its keys, members, sessions and webhooks. What was written in the audit log stays.',
        tags,
        params: tenantParamsSchema,
        response: { 204: z.undefined().describe('Deleted'), ...problems(404, 409, 422, 507) },
      },
    },
    async (request, reply) => {
      await manageTenants.remove(actOf(request), tenantId(request.params.id));
      return reply.code(204).send();
    },
  );
}

function presentTenant({ createdAt, disabledAt, labels = {}, ...facts }: Tenant): ApiTenant {
  return { ...facts, labels, createdAt: timeOf(createdAt), disabledAt: timeOf(disabledAt) };
}
