import { createClient } from '@imagemill/api/client';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { FastifyRequest, InjectOptions } from 'fastify';
import type { App } from '../app-type.ts';
import { createMcpServer } from '../mcp-tools.ts';

/**
 * The Model Context Protocol over streamable HTTP, without sessions: each request stands alone, so any of several
 * servers may answer it. Tools call the API inside this process with the headers that say who asks.
 */
export function addMcpRoute(app: App, version: string): void {
  app.post('/mcp', { config: { permission: 'generations:read' }, schema: { hide: true } }, async (request, reply) => {
    const doFetch = fetchInside(app, request);
    const client = createClient({ fetch: doFetch });
    const fetchPicture = async (url: string): Promise<Uint8Array> => (await doFetch(url)).bytes();
    const server = createMcpServer({ client, fetchPicture }, version);
    const transport = new StreamableHTTPServerTransport();
    reply.hijack();
    reply.raw.on('close', () => void transport.close().then(() => server.close()));
    // The SDK's own types do not hold with exactOptionalPropertyTypes.
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    await transport.handleRequest(request.raw, reply.raw, request.body);
  });
}

function fetchInside(app: App, { headers: asked, ip }: FastifyRequest): typeof fetch {
  const identity = Object.fromEntries(
    IDENTITY.flatMap((name) => (asked[name] === undefined ? [] : [[name, asked[name]]])),
  );
  return async (input, init) => {
    const request = new Request(new URL(String(input), 'http://localhost'), init);
    const { pathname, search } = new URL(request.url);
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
    const answer = await app.inject({
      method: request.method as NonNullable<InjectOptions['method']>,
      url: pathname + search,
      headers: { ...Object.fromEntries(request.headers), ...identity } as Record<string, string>,
      remoteAddress: ip,
      ...(body !== undefined && { payload: body }),
    });
    const headers = { 'content-type': String(answer.headers['content-type'] ?? '') };
    return new Response(answer.statusCode === 204 ? null : new Uint8Array(answer.rawPayload), {
      status: answer.statusCode,
      headers,
    });
  };
}

/** Headers that say who asks and from where. */
const IDENTITY = [
  'authorization',
  'x-api-key',
  'cookie',
  'host',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
] as const;
