import type { FastifyReply } from 'fastify';
import { base64Of, describe, noPicture, seconds, usageOf } from './answer.ts';
import type { ClientWait } from './client-wait.ts';
import { answerOf, type DrawingFailed } from './errors.ts';

/**
 * Answers with server-sent events: previews as far as they were asked for, then each picture. An error after the
 * start is an event too, as OpenAI's clients expect it.
 */
export async function streamAnswer(
  wait: ClientWait,
  kind: 'image_generation' | 'image_edit',
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.hijack();
  const response = reply.raw;
  response.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'x-accel-buffering': 'no',
  });
  const send = (type: string, data: object): void => {
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  };
  const heartbeat = setInterval(() => response.write(': alive\n\n'), HEARTBEAT_MS);
  try {
    await sendEvents(wait, kind, send);
    wait.answered();
  } catch (error) {
    if (!wait.signal.aborted) {
      const { error: told } = answerOf(error as DrawingFailed);
      response.write(`event: error\ndata: ${JSON.stringify({ type: 'error', error: told })}\n\n`);
      wait.answered();
    }
  } finally {
    clearInterval(heartbeat);
    response.end();
  }
  return reply;
}

async function sendEvents(wait: ClientWait, kind: string, send: (type: string, data: object) => void): Promise<void> {
  const { body, model, answerPorts, generation } = wait;
  const facts = describe(generation, body);
  let partials = 0;
  let pictures = 0;
  for await (const event of wait.events()) {
    if (event.type === 'job.preview' && partials < body.partial_images) {
      const b64_json = Buffer.from(event.image).toString('base64');
      // The preview is small and a JPEG whatever the finished picture will be.
      const told = { ...facts, output_format: event.mediaType.replace('image/', '') };
      const created_at = seconds(event.at);
      send(`${kind}.partial_image`, { ...told, b64_json, created_at, partial_image_index: partials });
      partials += 1;
    } else if (event.type === 'job.succeeded') {
      const b64_json = await base64Of(event.asset, answerPorts);
      const usage = usageOf(generation, model, [event.asset]);
      send(`${kind}.completed`, { ...facts, b64_json, created_at: seconds(event.at), usage });
      pictures += 1;
    }
  }
  if (pictures === 0 && !wait.signal.aborted) throw noPicture((await wait.record()).jobs);
}

const HEARTBEAT_MS = 15_000;
