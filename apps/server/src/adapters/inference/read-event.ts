/**
 * What an engine process says, looked at before it is believed: a process whose memory is damaged may say anything, and
 * what it says ends in the records.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { EngineItem } from '../../application/engine-port.ts';
import type { EngineEvent } from './engine-protocol.ts';

/** Undefined for what is no message of the protocol. */
export function readEvent(message: unknown): EngineEvent | undefined {
  return eventSchema.safeParse(message).success ? (message as EngineEvent) : undefined;
}

/** What is wrong with a picture that was drawn for an item; undefined when it is what was asked for, and whole. */
export function pictureProblem(
  item: EngineItem,
  picture: Extract<EngineEvent, { type: 'finished' }>,
): string | undefined {
  if (picture.seed !== item.seed) return `seed ${picture.seed} in place of ${item.seed}`;
  if (picture.steps !== item.steps) return `${picture.steps} steps in place of ${item.steps}`;
  // Smaller where memory was short and the item allowed it.
  if (picture.width > item.width || picture.height > item.height) return `${picture.width} × ${picture.height} pixels`;
  if (picture.mediaType !== `image/${item.format}`) return `${picture.mediaType} in place of ${item.format}`;
  return sha256Of(picture.image) === picture.sha256 ? undefined : 'its bytes do not have their hash';
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const bytes = z.instanceof(Uint8Array);
const count = z.int().min(0);
const milliseconds = z.number().min(0);
const fault = z.object({
  code: z.string().min(1),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
  retryable: z.boolean(),
});
const note = z.object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()).optional() });
const share = z.number().min(0).max(1);
const measures = z.object({
  spread: z.number().min(0),
  darkShare: share,
  lightShare: share,
  sharpness: z.number().min(0),
  hash: z.string().regex(/^[0-9a-f]{16}$/),
  unsafe: z.number().optional(),
  aesthetic: z.number().optional(),
});
const model = z.looseObject({});
const id = z.string();

const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('started'), id }),
  z.object({ type: z.literal('step'), id, step: count, steps: count }),
  z.object({ type: z.literal('preview'), id, step: count, mediaType: z.string(), image: bytes }),
  z.object({
    type: z.literal('finished'),
    id,
    image: bytes,
    sha256: z.string(),
    mediaType: z.string(),
    width: z.int().min(1),
    height: z.int().min(1),
    seed: count,
    steps: count,
    executionProvider: z.string(),
    timings: z.object({
      loadMs: milliseconds,
      encodeMs: milliseconds,
      denoiseMs: milliseconds,
      deviceMs: milliseconds.optional(),
      decodeMs: milliseconds,
      pixelsMs: milliseconds.optional(),
      meanBatch: z.number().min(0).optional(),
      totalMs: milliseconds,
    }),
    warnings: z.array(z.object({ code: z.string(), message: z.string() })).optional(),
    measures: measures.optional(),
  }),
  z.object({ type: z.literal('failed'), id, fault }),
  z.object({ type: z.literal('cancelled'), id }),
  z.object({ type: z.literal('ready'), device: z.string(), executionProvider: z.string(), notes: z.array(note) }),
  z.object({ type: z.literal('broken'), fault }),
  z.object({ type: z.literal('loaded'), model, ms: milliseconds, bytes: z.number().min(0) }),
  z.object({ type: z.literal('unloaded'), model }),
  z.object({
    type: z.literal('answer'),
    order: count,
    fault: fault.optional(),
    limits: z.array(z.unknown()).optional(),
  }),
  z.object({
    type: z.literal('log'),
    level: z.enum(['debug', 'info', 'warn', 'error']),
    message: z.string(),
    fields: z.record(z.string(), z.unknown()),
  }),
]);
