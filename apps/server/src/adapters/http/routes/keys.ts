import {
  type ApiKey as ApiApiKey,
  apiKeyPageSchema,
  apiKeySchema,
  issuedKeySchema,
  keyChangeSchema,
  keyParamsSchema,
  keyRequestSchema,
  listOfTenantQuerySchema,
  ofTenantQuerySchema,
  rotateRequestSchema,
} from '@imagemill/api';
import { type ApiKey, keyState } from '../../../domain/access/api-key.ts';
import { AppError } from '../../../domain/errors.ts';
import { keyId, memberId } from '../../../domain/ids.ts';
import { type AdministrationPorts, actOf, pageOf, tenantNamed, timeOf } from '../administration.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';

const config = { permission: 'keys:manage' } as const;
const tags = ['access'];

export function addKeyRoutes(app: App, ports: AdministrationPorts): void {
  const { manageKeys, clock } = ports;
  const present: Present = (key) => presentKey(key, clock.now());

  app.post(
    '/v1/keys',
    {
      config,
      schema: {
        operationId: 'createKey',
        summary: 'Make an API key; its secret is shown in this answer alone',
        description: 'Nobody can give a key more rights than they have.',
        tags,
        body: keyRequestSchema,
        response: { 201: json('The key with its secret', issuedKeySchema), ...problems(404, 413, 415, 422, 507) },
      },
    },
    async (request, reply) => {
      const { tenantId: tenant, memberId: member, expiresAt: expiry, ...body } = request.body;
      const expiresAt = expiry === undefined ? undefined : timeToCome(expiry, clock.now());
      const tenantId = tenantNamed(request, tenant);
      const whose = member === undefined ? undefined : memberId(member);
      const issued = await manageKeys.create(actOf(request), { ...body, tenantId, memberId: whose, expiresAt });
      const { key, text } = issued;
      return reply
        .code(201)
        .header('location', `/v1/keys/${key.id}`)
        .send({ key: present(key), secret: text });
    },
  );

  app.get(
    '/v1/keys',
    {
      config,
      schema: {
        operationId: 'listKeys',
        summary: 'List API keys, newest first',
        tags,
        querystring: listOfTenantQuerySchema,
        response: { 200: json('One page', apiKeyPageSchema), ...problems(404, 422) },
      },
    },
    async (request) => {
      const { limit, cursor, tenant } = request.query;
      const after = cursor === undefined ? undefined : keyId(cursor);
      const found = await manageKeys.list({ tenantId: tenantNamed(request, tenant), limit: limit + 1, after });
      return pageOf(found, limit, present);
    },
  );

  app.get(
    '/v1/keys/:id',
    {
      config,
      schema: {
        operationId: 'getKey',
        summary: 'One API key, without its secret',
        tags,
        params: keyParamsSchema,
        querystring: ofTenantQuerySchema,
        response: { 200: json('The key', apiKeySchema), ...problems(404, 422) },
      },
    },
    async (request) => {
      const which = { tenantId: tenantNamed(request, request.query.tenant), id: keyId(request.params.id) };
      return present(await manageKeys.get(which));
    },
  );

  addChangeRoute(app, ports, present);
  addKeyEnds(app, ports, present);
}

type Present = (key: ApiKey) => ApiApiKey;

function addChangeRoute(app: App, { manageKeys, clock }: AdministrationPorts, present: Present): void {
  app.patch(
    '/v1/keys/:id',
    {
      config,
      schema: {
        operationId: 'changeKey',
        summary: 'Change name, role, scopes, end or limits of an API key',
        description:
          'What is absent stays. Null takes scopes, the end or a limit away. The change holds from the next request on. Nobody can give a key more rights than they have; a revoked key stays as it is.',
        tags,
        params: keyParamsSchema,
        querystring: ofTenantQuerySchema,
        body: keyChangeSchema,
        response: { 200: json('The key', apiKeySchema), ...problems(404, 409, 413, 415, 422, 507) },
      },
    },
    async (request) => {
      const which = { tenantId: tenantNamed(request, request.query.tenant), id: keyId(request.params.id) };
      const { expiresAt: expiry, ...change } = request.body;
      const expiresAt = expiry == null ? expiry : timeToCome(expiry, clock.now());
      return present(await manageKeys.change(actOf(request), which, { ...change, expiresAt }));
    },
  );
}

function addKeyEnds(app: App, { manageKeys }: AdministrationPorts, present: Present): void {
  app.post(
    '/v1/keys/:id/revoke',
    {
      config,
      schema: {
        operationId: 'revokeKey',
        summary: 'Revoke an API key at once',
        description: 'Every request with it is refused from now on. Again is as good as once.',
        tags,
        params: keyParamsSchema,
        querystring: ofTenantQuerySchema,
        response: { 200: json('The key', apiKeySchema), ...problems(404, 413, 415, 422, 507) },
      },
    },
    async (request) => {
      const which = { tenantId: tenantNamed(request, request.query.tenant), id: keyId(request.params.id) };
      return present(await manageKeys.revoke(actOf(request), which));
    },
  );

  app.post(
    '/v1/keys/:id/rotate',
    {
      config,
      schema: {
        operationId: 'rotateKey',
        summary: 'Make a key with the same rights; the old one ends after a while',
        tags,
        params: keyParamsSchema,
        querystring: ofTenantQuerySchema,
        body: rotateRequestSchema,
        response: {
          201: json('The new key with its secret', issuedKeySchema),
          ...problems(404, 409, 413, 415, 422, 507),
        },
      },
    },
    async (request, reply) => {
      const which = { tenantId: tenantNamed(request, request.query.tenant), id: keyId(request.params.id) };
      const overlapMs = request.body.overlapSeconds * 1_000;
      const { key, text } = await manageKeys.rotate(actOf(request), { ...which, overlapMs });
      return reply
        .code(201)
        .header('location', `/v1/keys/${key.id}`)
        .send({ key: present(key), secret: text });
    },
  );
}

function presentKey(key: ApiKey, now: number): ApiApiKey {
  const { secretHash: _hash, createdAt, expiresAt, revokedAt, lastUsedAt, ...facts } = key;
  return {
    ...facts,
    state: keyState(key, now),
    createdAt: timeOf(createdAt),
    expiresAt: timeOf(expiresAt),
    revokedAt: timeOf(revokedAt),
    lastUsedAt: timeOf(lastUsedAt),
  };
}

/** In ms. @throws AppError `validation_failed` for one that has gone */
function timeToCome(got: string, now: number): number {
  const at = Date.parse(got);
  if (at > now) return at;
  const message = `expiresAt ${got} lies in the past.`;
  const field = { field: 'expiresAt', code: 'too_small' as const, message, got, expected: 'a time in the future' };
  throw new AppError('validation_failed', message, { fields: [field] });
}
