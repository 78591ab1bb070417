import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { eventsQuerySchema, generationEventSchema, idParamsSchema } from '@imagemill/api';
import { z } from 'zod';
import type { EventStream } from '../../../application/read-events.ts';
import { AppError } from '../../../domain/errors.ts';
import type { NumberedEvent } from '../../../domain/event.ts';
import { generationId } from '../../../domain/ids.ts';
import type { App } from '../app-type.ts';
import { problems, streamedEvent } from '../openapi.ts';
import type { HttpPorts } from '../ports.ts';
import { type PresentPorts, presentEvent } from '../present.ts';
import { assetUrlsFor } from '../presenting.ts';
import { tenantOf } from '../tenant.ts';

export function addEventRoutes(app: App, ports: HttpPorts): void {
  const open = new Set<EventStream>();
  // A stream may last for hours: it is ended when the server closes, and the reader comes back with its last id.
  app.addHook('preClose', async () => {
    for (const stream of open) stream.close();
  });

  app.get(
    '/v1/generations/:id/events',
    {
      exposeHeadRoute: false,
      config: { permission: 'generations:read' },
      schema: {
        operationId: 'streamEvents',
        summary: 'Events of a generation (server-sent events)',
        description:
          'From the first event, or after the one that the Last-Event-ID header or lastEventId names, until the generation has ended.',
        tags: ['generations'],
        params: idParamsSchema,
        querystring: eventsQuerySchema,
        response: {
          200: { description: 'The stream', content: { 'text/event-stream': { schema: streamedEventSchema } } },
          204: z.undefined().describe('The generation has ended and there are no events after the one named'),
          ...problems(404, 422),
        },
      },
    },
    async (request, reply) => {
      const afterId = request.query.lastEventId ?? lastEventId(request.headers['last-event-id']);
      const id = generationId(request.params.id);
      const stream = await ports.readEvents({ tenantId: tenantOf(request), id, afterId });
      if (stream === undefined) return reply.code(204).send();

      open.add(stream);
      reply.hijack();
      const response = reply.raw;
      response.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
        'content-type': 'text/event-stream; charset=utf-8',
        'x-accel-buffering': 'no',
      });
      try {
        await write(stream, response, { assetUrls: assetUrlsFor(request, ports.assetUrls) });
      } catch (error) {
        ports.log.debug({ err: error, requestId: request.id }, 'an event stream was cut');
      } finally {
        stream.close();
        open.delete(stream);
        response.end();
      }
      return reply;
    },
  );
}

/** Passes events on as fast as the reader takes them; comments keep proxies from closing a quiet stream. */
async function write(
  stream: EventStream,
  response: ServerResponse,
  ports: Pick<PresentPorts, 'assetUrls'>,
): Promise<void> {
  const isGone = new AbortController();
  response.once('close', () => {
    isGone.abort();
    stream.close();
  });
  response.write(`retry: ${RETRY_MS}\n\n`);
  const heartbeat = setInterval(() => response.write(': alive\n\n'), HEARTBEAT_MS);
  try {
    for await (const event of stream) {
      if (!response.write(format(event, ports))) await once(response, 'drain', { signal: isGone.signal });
    }
  } finally {
    clearInterval(heartbeat);
  }
}

function format(event: NumberedEvent, ports: Pick<PresentPorts, 'assetUrls'>): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(presentEvent(event, ports))}\n\n`;
}

function lastEventId(header: string | string[] | undefined): number {
  if (header === undefined || header === '') return 0;
  const id = Number(header);
  if (Number.isSafeInteger(id) && id >= 0) return id;
  const expected = 'the id of an event, a whole number from 0';
  const message = `The header Last-Event-ID must be ${expected}, but is ${JSON.stringify(header)}.`;
  const field = { field: 'Last-Event-ID', code: 'wrong_type' as const, message, got: JSON.stringify(header), expected };
  throw new AppError('validation_failed', message, { fields: [field] });
}

const RETRY_MS = 1_000;
const HEARTBEAT_MS = 15_000;

/** An event as OpenAPI 3.2 describes it: the fields of server-sent events, with JSON in one of them. */
const streamedEventSchema = streamedEvent(generationEventSchema);
