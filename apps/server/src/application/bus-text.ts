/** Messages between processes as text; pictures are base64. */
import type { PassingEvent } from '../domain/event.ts';
import type { BusMessage } from './event-bus.ts';

/** One message as JSON. */
export function writeMessage(message: BusMessage): string {
  return JSON.stringify(toWire(message));
}

function toWire(message: BusMessage): unknown {
  if (message.kind !== 'progress' || message.event.type !== 'job.preview') return message;
  const { image, ...event } = message.event;
  return { kind: message.kind, event: { ...event, image: Buffer.from(image).toString('base64') } };
}

/** Messages of a JSON array, as another process of this project sent them; none when it cannot be read, as from a newer version. */
export function readMessages(text: string): readonly BusMessage[] {
  try {
    return (JSON.parse(text) as (BusMessage | WireProgress)[]).map(fromWire);
  } catch {
    return [];
  }
}

interface WireProgress {
  readonly kind: 'progress';
  readonly event: Omit<Extract<PassingEvent, { type: 'job.preview' }>, 'image'> & { readonly image: string };
}

function fromWire(message: BusMessage | WireProgress): BusMessage {
  if (message.kind !== 'progress' || message.event.type !== 'job.preview') return message as BusMessage;
  const { event } = message;
  const image = typeof event.image === 'string' ? Buffer.from(event.image, 'base64') : event.image;
  return { kind: 'progress', event: { ...event, image } };
}
