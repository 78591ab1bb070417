import type { GenerationRequest } from '@imagemill/api';
import type { FastifyRequest } from 'fastify';
import type { GenerationRecord } from '../../../application/ports.ts';
import { type Generation, isGenerationFinal } from '../../../domain/generation.ts';
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
}

/** One generation of a request. */
export interface DrawPlan {
  readonly asked: GenerationRequest;
  /** What becomes of each picture before it is sent. @default nothing */
  readonly putBack?: ((drawn: Uint8Array) => Promise<Uint8Array>) | undefined;
}
export type DrawPlans = readonly [DrawPlan, ...DrawPlan[]];

/**
 * Hands a request in like any other and holds the answer until it has ended. An interrupted one gives the pictures that
 * were finished. Whoever goes away while waiting finds them among the generations. Several plans are drawn together,
 * or none of them; without a seed they get successive ones.
 */
export async function draw(
  request: FastifyRequest,
  plans: DrawPlans,
  ports: DrawPorts,
  { taskId, sendsImages }: DrawOptions,
): Promise<Omit<DrawAnswer, 'parameters'>> {
  const drawing: Drawing = {
    generations: await submitAll(request, plans, ports),
    taskId,
    startedAt: ports.clock.now(),
    steps: new Map(),
    preview: undefined,
    isInterrupted: false,
  };
  const { drawings } = ports.states.of(request);
  drawings.add(drawing);
  try {
    const [first, ...others] = drawing.generations;
    const ended = (generation: Generation) => untilEnded(generation, drawing, ports);
    const records = await Promise.all([ended(first), ...others.map(ended)]);
    return await answerOf(records, drawing, { plans, ports, sendsImages });
  } finally {
    drawings.delete(drawing);
  }
}

/** Hands in all, or takes back those that were when one is refused. */
async function submitAll(
  request: FastifyRequest,
  [first, ...others]: DrawPlans,
  { submitGeneration, cancelGeneration }: DrawPorts,
): Promise<Drawing['generations']> {
  const submit = async ({ asked }: DrawPlan, seed = asked.seed): Promise<Generation> => {
    const { deadline: _deadline, maxRetries: _retries, retryBackoffSeconds: _pause, ...settings } = asked;
    return (await submitGeneration({ ...settings, seed, ...askerOf(request) })).generation;
  };
  const generations: [Generation, ...Generation[]] = [await submit(first)];
  try {
    for (const [at, plan] of others.entries()) {
      generations.push(await submit(plan, plan.asked.seed ?? generations[0].seed + at + 1));
    }
  } catch (error) {
    const tenantId = tenantOf(request);
    // What has ended since stays.
    await Promise.allSettled(generations.map(({ id }) => cancelGeneration({ tenantId, id })));
    throw error;
  }
  return generations;
}

/** Follows the events; a stream that ended early is taken up again. */
async function untilEnded(
  of: Pick<Generation, 'tenantId' | 'id'>,
  drawing: Drawing,
  ports: DrawPorts,
): Promise<GenerationRecord> {
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
  records: readonly [GenerationRecord, ...GenerationRecord[]],
  drawing: Drawing,
  {
    plans,
    ports,
    sendsImages,
  }: Pick<DrawOptions, 'sendsImages'> & {
    readonly plans: DrawPlans;
    readonly ports: DrawPorts;
  },
): Promise<Omit<DrawAnswer, 'parameters'>> {
  const jobs = records.flatMap((record) => record.jobs);
  const isCancelled = drawing.isInterrupted || records.some(({ generation }) => generation.state === 'cancelled');
  if (!isCancelled && jobs.every(({ asset }) => asset === undefined)) {
    const fault = jobs.map(({ job }) => job.lastFault).find((found) => found !== undefined);
    throw new SdapiError(500, fault?.message ?? 'No picture was drawn.');
  }
  const images: string[] = [];
  for (const [at, record] of sendsImages ? records.entries() : []) {
    for (const { asset } of record.jobs) {
      if (asset === undefined) continue;
      const picture = await readPicture(ports, asset.sha256);
      images.push(Buffer.from((await plans[at]?.putBack?.(picture)) ?? picture).toString('base64'));
    }
  }
  return { images, info: JSON.stringify(infoOf(records, ports)) };
}

async function readPicture({ pictures }: Pick<DrawPorts, 'pictures'>, sha256: ContentHash): Promise<Buffer> {
  const stream = await pictures.open(sha256);
  if (stream === undefined) throw new SdapiError(500, 'A picture that was drawn is not there any more.');
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
