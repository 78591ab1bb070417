import type { GenerationRequest } from '@imagemill/api';
import type { FastifyRequest } from 'fastify';
import type { GenerationRecord } from '../../../application/ports.ts';
import { isGenerationFinal } from '../../../domain/generation.ts';
import type { ContentHash } from '../../../domain/ids.ts';
import type { HttpPorts } from '../ports.ts';
import { askerOf, tenantOf } from '../tenant.ts';
import { SdapiError } from './errors.ts';
import { infoOf } from './info.ts';
import type { Drawing, KeyStates } from './key-state.ts';

export interface DrawPorts
  extends Pick<
    HttpPorts,
    'submitGeneration' | 'getGeneration' | 'cancelGeneration' | 'readEvents' | 'pictures' | 'models' | 'clock'
  > {
  readonly states: KeyStates;
  readonly software: string;
}

export interface DrawAnswer {
  readonly images: readonly string[];
  readonly parameters: Readonly<Record<string, unknown>>;
  /** JSON. */
  readonly info: string;
}

export interface DrawOptions {
  readonly taskId: string | undefined;
  readonly sendsImages: boolean;
  /** What becomes of each picture before it is sent. @default nothing */
  readonly putBack?: ((drawn: Uint8Array) => Promise<Uint8Array>) | undefined;
}

/**
 * Hands a request in like any other and holds the answer until it has ended. An interrupted one gives the pictures that
 * were finished. Whoever goes away while waiting finds them among the generations.
 */
export async function draw(
  request: FastifyRequest,
  asked: GenerationRequest,
  ports: DrawPorts,
  { taskId, sendsImages, putBack }: DrawOptions,
): Promise<Omit<DrawAnswer, 'parameters'>> {
  const { deadline: _deadline, maxRetries: _retries, retryBackoffSeconds: _pause, ...settings } = asked;
  const submitted = await ports.submitGeneration({ ...settings, ...askerOf(request) });
  const drawing: Drawing = {
    generation: submitted.generation,
    taskId,
    startedAt: ports.clock.now(),
    steps: new Map(),
    preview: undefined,
    isInterrupted: false,
  };
  const { drawings } = ports.states.of(request);
  drawings.add(drawing);
  try {
    const record = await untilEnded(request, drawing, ports);
    return await answerOf(record, drawing, { ports, sendsImages, putBack });
  } finally {
    drawings.delete(drawing);
  }
}

/** Follows the events; a stream that ended early is taken up again. */
async function untilEnded(request: FastifyRequest, drawing: Drawing, ports: DrawPorts): Promise<GenerationRecord> {
  const of = { tenantId: tenantOf(request), id: drawing.generation.id };
  let afterId = 0;
  while (true) {
    const stream = await ports.readEvents({ ...of, afterId });
    try {
      for await (const event of stream ?? []) {
        afterId = event.id;
        if (event.type === 'job.step') drawing.steps.set(event.jobId, event.step);
        if (event.type === 'job.preview') drawing.preview = { image: event.image, id: event.id };
      }
    } finally {
      stream?.close();
    }
    const record = await ports.getGeneration(of);
    if (isGenerationFinal(record.generation.state)) return record;
  }
}

async function answerOf(
  record: GenerationRecord,
  drawing: Drawing,
  { ports, sendsImages, putBack }: Omit<DrawOptions, 'taskId'> & { readonly ports: DrawPorts },
): Promise<Omit<DrawAnswer, 'parameters'>> {
  const drawn = record.jobs.filter(({ asset }) => asset !== undefined);
  const fault = record.jobs.map(({ job }) => job.lastFault).find((found) => found !== undefined);
  if (drawn.length === 0 && !drawing.isInterrupted && record.generation.state !== 'cancelled') {
    throw new SdapiError(500, fault?.message ?? 'No picture was drawn.');
  }
  const images: string[] = [];
  for (const { asset } of sendsImages ? drawn : []) {
    if (asset === undefined) continue;
    const picture = await readPicture(ports, asset.sha256);
    images.push(Buffer.from((await putBack?.(picture)) ?? picture).toString('base64'));
  }
  return { images, info: JSON.stringify(infoOf(record, drawn, ports)) };
}

async function readPicture({ pictures }: Pick<DrawPorts, 'pictures'>, sha256: ContentHash): Promise<Buffer> {
  const stream = await pictures.open(sha256);
  if (stream === undefined) throw new SdapiError(500, 'A picture that was drawn is not there any more.');
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
