import swagger from '@fastify/swagger';
import { problemSchema } from '@imagemill/api';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';

interface DocumentedAnswer {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema: z.ZodType }>>;
}

/** Serves `/openapi.json` from the schemas of all routes that are added after this. */
export async function addOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Imagemill',
        version,
        description: 'Pictures from text, drawn on your own machines. Errors are RFC 9457 problems with stable codes.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        { name: 'generations', description: 'What a client asks for: settings and a number of pictures' },
        { name: 'jobs', description: 'One picture each' },
        { name: 'queue', description: 'Which job is next, and those that ended without a picture' },
        { name: 'pictures', description: 'The gallery: what was drawn, with stars and tags' },
        { name: 'assets', description: 'Stored pictures' },
        { name: 'models', description: 'What can draw' },
        { name: 'bulks', description: 'Rows of a file as generations' },
        { name: 'webhooks', description: 'Signed messages about what happened' },
        { name: 'access', description: 'Who may do what: API keys, members, tenants, and what was done' },
        { name: 'usage', description: 'What was used and what it costs' },
        { name: 'openai', description: 'The Images, Files and Batch API of OpenAI' },
        { name: 'operation', description: 'Alerts: what the installation tells its operators' },
        { name: 'system', description: 'How the server is doing' },
      ],
    },
    transform: createJsonSchemaTransform({}),
    transformObject: (document) => withoutUnusedSchemas(createJsonSchemaTransformObject({})(document)),
  });
  let text: string | undefined;
  app.get('/openapi.json', { config: { permission: 'public' }, schema: { hide: true } }, async (_request, reply) => {
    text ??= JSON.stringify(app.swagger());
    return reply.type('application/json; charset=utf-8').send(text);
  });
}

/** An answer in JSON. */
export function json(description: string, schema: z.ZodType): DocumentedAnswer {
  return { description, content: { 'application/json': { schema } } };
}

/** An item of a stream of server-sent events, with JSON in the field `data`, as OpenAPI 3.2 describes them. */
export function streamedEvent(data: z.ZodType): z.ZodType {
  const { id } = data.meta() ?? {};
  const contentSchema = { $ref: `#/components/schemas/${id}` };
  return z.object({
    id: z.string().optional(),
    event: z.string().optional(),
    data: z.string().meta({ contentMediaType: 'application/json', contentSchema }),
  });
}

/** Error answers of a route: its own statuses and those that any request may get. */
export function problems(...own: readonly number[]): Record<string, DocumentedAnswer> {
  const statuses = [...new Set([400, 401, 403, 408, 421, 429, 431, 500, 503, ...own])].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      { description: meanings[status] ?? '', content: { 'application/problem+json': { schema: problemSchema } } },
    ]),
  );
}

const meanings: Readonly<Record<number, string>> = {
  400: 'The request or its JSON is malformed',
  401: 'The API key is missing, unknown, expired or revoked',
  403: 'The caller may not do this',
  404: 'There is no such thing',
  408: 'The request came too slowly',
  409: 'It does not fit the state: it has ended already, or the idempotency key was used before',
  413: 'The body is too large',
  415: 'The body is not application/json',
  416: 'The range lies outside the picture',
  421: 'The Host header names another server',
  422: 'A field is missing, unknown, of the wrong type or out of its range',
  429: 'A rate limit or a quota is used up',
  431: 'The headers are too large',
  500: 'A fault of the server',
  503: 'The server is not ready',
  507: 'The disk is full',
};

/** The generator adds a request form and an answer form of every schema; most requests have only one. */
function withoutUnusedSchemas<T>(document: T): T {
  const { components, ...rest } = document as { components?: { schemas?: Record<string, unknown> } };
  const schemas = components?.schemas ?? {};
  const used = new Set<string>();
  const visit = (value: unknown): void => {
    for (const [, name = ''] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name)) continue;
      used.add(name);
      visit(schemas[name]);
    }
  };
  visit(rest);
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
  return { ...rest, components: { ...components, schemas: kept } } as T;
}
