import { createServer, type Server } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../app-type.ts';

/** An answer, as it is counted. */
export interface Answered {
  readonly method: string;
  /** Pattern of the route; `none` where there is none. */
  readonly route: string;
  readonly status: number;
  /** Undefined for a stream of events. */
  readonly seconds: number | undefined;
  readonly requestId: string;
  /** What the answer says was made, as a path. */
  readonly location: string | undefined;
}

export interface MetricsPorts {
  /** The text of the metrics as of now. */
  readonly read: () => Promise<string>;
  readonly contentType: string;
  readonly requestAnswered: (answer: Answered) => void;
}

/** `/metrics`, and the count of all answers. */
export function addMetrics(app: App, ports: MetricsPorts): void {
  app.addHook('onResponse', async (request, reply) => ports.requestAnswered(answered(request, reply)));
  app.get('/metrics', { config: { permission: 'operations:read' }, schema: { hide: true } }, async (_request, reply) =>
    reply.type(ports.contentType).send(await ports.read()),
  );
}

/** A server of the metrics alone, for whoever reaches its address. */
export function createMetricsListener(ports: Pick<MetricsPorts, 'read' | 'contentType'>): Server {
  return createServer((request, response) => {
    if (request.url?.split('?')[0] !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Only GET /metrics is here.\n');
      return;
    }
    ports.read().then(
      (text) =>
        response
          .writeHead(200, { 'content-type': ports.contentType, 'cache-control': 'no-store' })
          .end(request.method === 'HEAD' ? undefined : text),
      () => response.writeHead(500).end(),
    );
  });
}

function answered(request: FastifyRequest, reply: FastifyReply): Answered {
  const isStream = String(reply.getHeader('content-type') ?? '').startsWith('text/event-stream');
  return {
    method: METHODS.has(request.method) ? request.method : 'other',
    route: request.routeOptions.url ?? 'none',
    status: reply.statusCode,
    seconds: isStream ? undefined : reply.elapsedTime / 1_000,
    requestId: request.id,
    location: reply.getHeader('location')?.toString(),
  };
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
