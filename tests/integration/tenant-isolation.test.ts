import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Role, roles } from '../../apps/server/src/domain/access/permission.ts';
import { tenantId } from '../../apps/server/src/domain/ids.ts';
import { issueKey } from '../support/access.ts';
import { openParts, untilReady } from '../support/server-parts.ts';

type Opened = Awaited<ReturnType<typeof openParts>>;

/** What a request of another tenant may name, all of the tenant `owner`. Each text is found in no other answer. */
interface Owned {
  readonly generation: string;
  readonly job: string;
  readonly asset: string;
  readonly key: string;
  readonly member: string;
  readonly webhook: string;
  readonly bulk: string;
  readonly file: string;
  readonly batch: string;
}

interface Case {
  /** The path with what belongs to the owner in it. */
  readonly path?: (owned: Owned) => string;
  readonly body?: (owned: Owned) => unknown;
  /**
   * What a stranger meets at worst: `refused` (403 or 404, whatever the role), or `own`: an answer about the stranger's
   * own affairs or about the installation, which must not hold anything of the owner's.
   */
  readonly expects: 'refused' | 'own';
}

const own: Case = { expects: 'own' };
const refused = (path: (owned: Owned) => string, body?: (owned: Owned) => unknown): Case => ({
  path,
  expects: 'refused',
  ...(body === undefined ? {} : { body }),
});

/**
 * Routes that can name a thing of another tenant, and what is special about others; the test fails on one with a
 * parameter that is missing here. A route without one that is missing is called as it is.
 */
const cases: Readonly<Record<string, readonly Case[]>> = {
  'GET /v1/whoami': [own],
  'GET /v1/system': [own],
  'GET /v1/queue': [own],
  'GET /v1/models': [own],
  'GET /v1/loras': [own],
  'GET /v1/generations': [own],
  'GET /v1/dead-letters': [own],
  'GET /v1/prices': [own],
  'POST /v1/generations': [{ expects: 'own', body: () => ({ prompt: 'a pot' }) }],
  'POST /v1/dead-letters/redrive': [{ expects: 'own', body: ({ generation }) => ({ generationId: generation }) }],
  'GET /v1/generations/{id}': [refused(({ generation }) => `/v1/generations/${generation}`)],
  'GET /v1/generations/{id}/events': [refused(({ generation }) => `/v1/generations/${generation}/events`)],
  'POST /v1/generations/{id}/cancel': [refused(({ generation }) => `/v1/generations/${generation}/cancel`)],
  'GET /v1/jobs/{id}': [refused(({ job }) => `/v1/jobs/${job}`)],
  'POST /v1/jobs/{id}/cancel': [refused(({ job }) => `/v1/jobs/${job}/cancel`)],
  'POST /v1/jobs/{id}/redrive': [refused(({ job }) => `/v1/jobs/${job}/redrive`)],
  'POST /v1/jobs/{id}/priority': [
    refused(
      ({ job }) => `/v1/jobs/${job}/priority`,
      () => ({ priority: 'bulk' }),
    ),
  ],
  'GET /v1/assets/{id}': [
    refused(({ asset }) => `/v1/assets/${asset}`),
    refused(({ asset }) => `/v1/assets/${asset}?tenant=owner`),
  ],
  'POST /v1/queue/pause': [refused(() => '/v1/queue/pause')],
  'POST /v1/queue/resume': [refused(() => '/v1/queue/resume')],
  'GET /v1/models/{model}': [{ path: () => '/v1/models/demo', expects: 'own' }],
  'POST /v1/models/{name}/verify': [refused(() => '/v1/models/demo/verify')],
  'POST /v1/model-activities/{id}/cancel': [refused(() => '/v1/model-activities/one/cancel')],
  'GET /v1/model-activities': [refused(() => '/v1/model-activities')],
  'POST /v1/model-activities/pull': [
    refused(
      () => '/v1/model-activities/pull',
      () => ({ repository: 'owner/model' }),
    ),
  ],
  'GET /v1/settings': [refused(() => '/v1/settings')],
  'POST /v1/models/{name}/load': [refused(() => '/v1/models/demo/load')],
  'POST /v1/models/{name}/unload': [refused(() => '/v1/models/demo/unload')],
  'GET /v1/loras/{name}': [refused(() => '/v1/loras/owner-lora')],
  'DELETE /v1/loras/{name}': [refused(() => '/v1/loras/owner-lora')],
  'POST /v1/loras': [refused(() => '/v1/loras')],
  'POST /v1/pictures/mark': [{ expects: 'own', body: ({ job, asset }) => ({ ids: [job, asset], deleted: true }) }],
  'POST /v1/pictures/archive': [
    refused(
      () => '/v1/pictures/archive',
      ({ job, asset }) => ({ ids: [job, asset] }),
    ),
  ],
  'GET /v1/reviews': [own],
  'POST /v1/reviews/{id}/accept': [refused(({ job }) => `/v1/reviews/${job}/accept`)],
  'POST /v1/reviews/{id}/reject': [refused(({ job }) => `/v1/reviews/${job}/reject`)],
  'POST /v1/reviews/{id}/redraw': [refused(({ job }) => `/v1/reviews/${job}/redraw`)],
  'GET /v1/quality/policy': [own, refused(() => '/v1/quality/policy?tenant=owner')],
  'PUT /v1/quality/policy': [
    refused(
      () => '/v1/quality/policy?tenant=owner',
      () => ({ maxRedraws: 1 }),
    ),
  ],
  'GET /v1/retention': [own, refused(() => '/v1/retention?tenant=owner')],
  'PUT /v1/retention': [
    { expects: 'own', body: () => ({ picturesDays: 9 }) },
    refused(
      () => '/v1/retention?tenant=owner',
      () => ({ picturesDays: 1 }),
    ),
  ],
  'GET /v1/costs': [own, refused(() => '/v1/costs?tenant=owner'), refused(() => '/v1/costs?tenant=*')],
  'GET /v1/budget': [own, refused(() => '/v1/budget?tenant=owner')],
  'PUT /v1/budget': [
    refused(
      () => '/v1/budget?tenant=owner',
      () => ({ hard: 1 }),
    ),
  ],
  'PUT /v1/templates/{name}': [{ path: () => '/v1/templates/shop', expects: 'own', body: () => ({ prompt: 'other' }) }],
  'DELETE /v1/templates/{name}': [{ path: () => '/v1/templates/shop', expects: 'own' }],
  'GET /v1/bulks/{id}': [refused(({ bulk }) => `/v1/bulks/${bulk}`)],
  'POST /v1/bulks/{id}/cancel': [refused(({ bulk }) => `/v1/bulks/${bulk}/cancel`)],
  'POST /v1/bulks/{id}/pause': [refused(({ bulk }) => `/v1/bulks/${bulk}/pause`)],
  'POST /v1/bulks/{id}/resume': [refused(({ bulk }) => `/v1/bulks/${bulk}/resume`)],
  'GET /v1/bulks/{id}/rows': [refused(({ bulk }) => `/v1/bulks/${bulk}/rows`)],
  'GET /v1/bulks/{id}/manifest.csv': [refused(({ bulk }) => `/v1/bulks/${bulk}/manifest.csv`)],
  'GET /v1/bulks/{id}/pictures.zip': [refused(({ bulk }) => `/v1/bulks/${bulk}/pictures.zip`)],
  'GET /v1/files': [own],
  'GET /v1/files/{file_id}': [refused(({ file }) => `/v1/files/${file}`)],
  'DELETE /v1/files/{file_id}': [refused(({ file }) => `/v1/files/${file}`)],
  'GET /v1/files/{file_id}/content': [refused(({ file }) => `/v1/files/${file}/content`)],
  'GET /v1/batches': [own],
  'POST /v1/batches': [
    refused(
      () => '/v1/batches',
      ({ file }) => ({ input_file_id: file, endpoint: '/v1/images/generations', completion_window: '24h' }),
    ),
  ],
  'GET /v1/batches/{batch_id}': [refused(({ batch }) => `/v1/batches/${batch}`)],
  'POST /v1/batches/{batch_id}/cancel': [refused(({ batch }) => `/v1/batches/${batch}/cancel`)],
  'GET /v1/webhooks': [own],
  'POST /v1/webhooks': [own],
  'GET /v1/webhooks/{id}': [refused(({ webhook }) => `/v1/webhooks/${webhook}`)],
  'PATCH /v1/webhooks/{id}': [
    refused(
      ({ webhook }) => `/v1/webhooks/${webhook}`,
      () => ({ enabled: false }),
    ),
  ],
  'DELETE /v1/webhooks/{id}': [refused(({ webhook }) => `/v1/webhooks/${webhook}`)],
  'POST /v1/webhooks/{id}/rotate-secret': [
    refused(
      ({ webhook }) => `/v1/webhooks/${webhook}/rotate-secret`,
      () => ({}),
    ),
  ],
  'POST /v1/webhooks/{id}/test': [refused(({ webhook }) => `/v1/webhooks/${webhook}/test`)],
  'GET /v1/webhooks/{id}/deliveries': [refused(({ webhook }) => `/v1/webhooks/${webhook}/deliveries`)],
  'POST /v1/webhooks/{id}/deliveries/{delivery}/replay': [
    refused(({ webhook }) => `/v1/webhooks/${webhook}/deliveries/${NO_ID}/replay`),
  ],
  'GET /v1/alerts/{id}': [refused(() => `/v1/alerts/${NO_ID}`)],
  'POST /v1/alerts/{id}/acknowledge': [refused(() => `/v1/alerts/${NO_ID}/acknowledge`)],
  'PATCH /v1/alert-rules/{id}': [
    refused(
      () => '/v1/alert-rules/queue-long',
      () => ({ threshold: 1 }),
    ),
  ],
  'DELETE /v1/alert-rules/{id}': [refused(() => '/v1/alert-rules/queue-long')],
  'DELETE /v1/alert-channels/{id}': [refused(() => '/v1/alert-channels/mail')],
  'POST /v1/alert-channels/{id}/test': [refused(() => '/v1/alert-channels/mail/test')],
  'GET /v1/alert-notices/{id}': [refused(() => `/v1/alert-notices/${NO_ID}`)],
  'DELETE /v1/alert-silences/{id}': [refused(() => `/v1/alert-silences/${NO_ID}`)],
  'GET /v1/keys': [own, refused(() => '/v1/keys?tenant=owner')],
  'POST /v1/keys': [
    { expects: 'own', body: () => ({ name: 'n', role: 'viewer' }) },
    refused(
      () => '/v1/keys',
      () => ({ name: 'n', role: 'viewer', tenantId: 'owner' }),
    ),
  ],
  'GET /v1/keys/{id}': [refused(({ key }) => `/v1/keys/${key}`), refused(({ key }) => `/v1/keys/${key}?tenant=owner`)],
  'PATCH /v1/keys/{id}': [
    refused(
      ({ key }) => `/v1/keys/${key}`,
      () => ({ name: 'taken over' }),
    ),
    refused(
      ({ key }) => `/v1/keys/${key}?tenant=owner`,
      () => ({ expiresAt: null }),
    ),
  ],
  'POST /v1/keys/{id}/revoke': [
    refused(({ key }) => `/v1/keys/${key}/revoke`),
    refused(({ key }) => `/v1/keys/${key}/revoke?tenant=owner`),
  ],
  'POST /v1/keys/{id}/rotate': [
    refused(
      ({ key }) => `/v1/keys/${key}/rotate`,
      () => ({}),
    ),
  ],
  'GET /v1/tenants': [refused(() => '/v1/tenants')],
  'POST /v1/tenants': [
    refused(
      () => '/v1/tenants',
      () => ({ id: 'another' }),
    ),
  ],
  'GET /v1/tenants/{id}': [refused(() => '/v1/tenants/owner')],
  'DELETE /v1/tenants/{id}': [refused(() => '/v1/tenants/owner')],
  'PATCH /v1/tenants/{id}': [
    refused(
      () => '/v1/tenants/owner',
      () => ({ weight: 9 }),
    ),
  ],
  'GET /v1/members': [own, refused(() => '/v1/members?tenant=owner')],
  'POST /v1/members': [
    refused(
      () => '/v1/members',
      () => ({ email: 'x@example.com', role: 'viewer', tenantId: 'owner' }),
    ),
  ],
  'PATCH /v1/members/{id}': [
    refused(
      ({ member }) => `/v1/members/${member}`,
      () => ({ role: 'viewer' }),
    ),
    refused(
      ({ member }) => `/v1/members/${member}?tenant=owner`,
      () => ({ role: 'viewer' }),
    ),
  ],
  'GET /v1/usage': [
    own,
    refused(() => '/v1/usage?tenant=owner'),
    refused(() => '/v1/usage?tenant=*'),
    { expects: 'own', path: () => '/v1/usage?groupBy=tenant,key&format=csv' },
  ],
  'POST /v1/url-key/rotate': [
    refused(
      () => '/v1/url-key/rotate',
      () => ({}),
    ),
  ],
  'PUT /v1/prices': [
    refused(
      () => '/v1/prices',
      () => ({ currency: 'USD', perPicture: 1, perDeviceSecond: 0 }),
    ),
  ],
  'GET /v1/audit': [own, refused(() => '/v1/audit?tenant=owner')],
};

let parts: Opened;
let owned: Owned;
let marks: readonly string[];
const strangers = new Map<Role, { readonly authorization: string }>();

beforeAll(async () => {
  parts = await openParts({ requireKey: true });
  await untilReady(parts);
  owned = await fillOwner();
  marks = [...Object.values(owned), SECRET_PROMPT, 'boss@owner.example', 'admin of owner', 'hooks.owner.example'];
  for (const role of roles) strangers.set(role, (await issueKey(parts, { tenant: 'stranger', role })).headers);
});
afterAll(() => parts.close());

describe('a tenant', () => {
  it('has a case in this table for every route of the API', () => {
    const [known, all] = [Object.keys(cases), routesOf(parts)];
    expect(all.length).toBeGreaterThan(40);
    expect(all.filter((route) => route.includes('{') && !known.includes(route))).toEqual([]);
  });

  it.each(roles)('sees and changes nothing of another one on any route, as %s', async (role) => {
    for (const route of routesOf(parts)) {
      for (const { path, body, expects } of cases[route] ?? [own]) {
        const [method = 'GET', template = ''] = route.split(' ');
        const url = path?.(owned) ?? template;
        const payload = body?.(owned);
        const answer = await parts.app.inject({
          method: method as 'GET',
          url,
          headers: { ...strangers.get(role) },
          ...(payload === undefined ? {} : { payload: payload as object }),
        });
        const what = `${method} ${url} as ${role} answered ${answer.statusCode} ${answer.body}`;
        if (expects === 'refused') expect([403, 404], what).toContain(answer.statusCode);
        else expect(answer.statusCode, what).toBeLessThan(500);
        // A refusal may repeat the id that was asked for; anything else of the owner's is in no answer.
        const asked = `${url} ${JSON.stringify(payload)}`;
        const secrets = expects === 'refused' ? marks.filter((mark) => !asked.includes(mark)) : marks;
        for (const mark of secrets) expect(answer.body.includes(mark), `${mark} in ${what}`).toBe(false);
      }
    }
  });

  it('is as it was after all that', async () => {
    const admin = await issueKey(parts, { tenant: 'owner', role: 'admin' });
    const get = async (url: string) => (await parts.app.inject({ url, headers: admin.headers })).json();
    expect(await get(`/v1/generations/${owned.generation}`)).toMatchObject({ state: 'succeeded' });
    expect(await get(`/v1/keys/${owned.key}`)).toMatchObject({ state: 'active' });
    expect((await get('/v1/members')).items).toMatchObject([{ id: owned.member, role: 'admin' }]);
    expect((await get('/v1/pictures')).items.length).toBeGreaterThan(0);
    expect((await get(`/v1/bulks/${owned.bulk}`)).state).not.toBe('cancelled');
    const tenant = await parts.store.access.findTenant(tenantId('owner'));
    expect(tenant).toMatchObject({ weight: 1, disabledAt: undefined });
  });
});

/** Every route that answers for somebody, from the description that the server gives of itself. */
function routesOf({ app }: Opened): readonly string[] {
  const { paths = {} } = app.swagger() as { paths?: Record<string, Record<string, unknown>> };
  return Object.entries(paths)
    .filter(([path]) => !path.startsWith('/health/'))
    .flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`));
}

async function fillOwner(): Promise<Owned> {
  const key = await issueKey(parts, { tenant: 'owner', role: 'admin' });
  const { headers } = key;
  const submitted = await parts.app.inject({
    ...{ method: 'POST', url: '/v1/generations', headers },
    payload: { prompt: SECRET_PROMPT },
  });
  const { id } = submitted.json();
  const read = async () => (await parts.app.inject({ url: `/v1/generations/${id}`, headers })).json();
  await vi.waitUntil(async () => (await read()).state === 'succeeded', { timeout: 30_000 });
  const [job] = (await read()).jobs;
  const member = await parts.app.inject({
    ...{ method: 'POST', url: '/v1/members', headers },
    payload: { email: 'boss@owner.example', role: 'admin' },
  });
  const disposition = 'content-disposition: form-data; name="file"; filename="rows.csv"';
  const bulk = await parts.app.inject({
    ...{ method: 'POST', url: '/v1/bulks' },
    headers: { ...headers, 'content-type': 'multipart/form-data; boundary=rows' },
    payload: `--rows\r\n${disposition}\r\n\r\nprompt\n${SECRET_PROMPT}\n\r\n--rows--\r\n`,
  });
  expect(bulk.statusCode, bulk.body).toBe(201);
  const request = { custom_id: 'x', method: 'POST', url: '/v1/images/generations', body: { prompt: SECRET_PROMPT } };
  const file = await parts.app.inject({
    ...{ method: 'POST', url: '/v1/files' },
    headers: { ...headers, 'content-type': 'multipart/form-data; boundary=rows' },
    payload: `--rows\r\n${disposition}\r\n\r\n${JSON.stringify(request)}\r\n--rows\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--rows--\r\n`,
  });
  expect(file.statusCode, file.body).toBe(200);
  const batch = await parts.app.inject({
    ...{ method: 'POST', url: '/v1/batches', headers },
    payload: { input_file_id: file.json().id, endpoint: '/v1/images/generations', completion_window: '24h' },
  });
  expect(batch.statusCode, batch.body).toBe(200);
  const webhook = await parts.app.inject({
    ...{ method: 'POST', url: '/v1/webhooks', headers },
    payload: { url: 'https://hooks.owner.example/in', events: ['job.failed'] },
  });
  return {
    webhook: webhook.json().id,
    bulk: bulk.json().id,
    file: file.json().id,
    batch: batch.json().id,
    generation: id,
    job: job.id,
    asset: job.asset.id,
    key: key.id,
    member: member.json().id,
  };
}

const NO_ID = '01936f2e-5c1a-7b60-8a9d-3f4e5d6c7b8a';
const SECRET_PROMPT = 'the lighthouse of the owner';
