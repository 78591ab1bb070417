import { submitHeadersSchema } from '@imagemill/api';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GetGeneration } from '../../../application/get-generation.ts';
import type { JoinGeneration } from '../../../application/join-generation.ts';
import type { GenerationRecord } from '../../../application/ports.ts';
import type { SubmitGeneration, SubmitGenerationInput } from '../../../application/submit-generation.ts';
import type { NumberedEvent } from '../../../domain/event.ts';
import type { Generation } from '../../../domain/generation.ts';
import type { ModelFacts } from '../../../domain/model.ts';
import { validationError } from '../validation.ts';
import type { AnswerPorts } from './answer.ts';
import type { Followers } from './follow.ts';
import type { RunningRequests, Waiter } from './running-requests.ts';
import type { ImageRequest } from './schema.ts';

export interface WaitPorts extends AnswerPorts {
  readonly submitGeneration: SubmitGeneration;
  readonly getGeneration: GetGeneration;
  readonly followers: Followers;
  readonly running: RunningRequests;
  readonly joinGeneration: JoinGeneration;
}

interface Wanted {
  readonly body: ImageRequest;
  readonly model: ModelFacts;
  readonly input: SubmitGenerationInput;
  /** Hash of all that was asked for; equal for a repeat. */
  readonly hash: string;
}

/** A client that waits for its pictures on an open connection. */
export class ClientWait {
  readonly body: ImageRequest;
  readonly model: ModelFacts;
  readonly generation: Generation;
  readonly answerPorts: AnswerPorts;
  readonly #ports: WaitPorts;
  /** Undefined for a client that named an idempotency key: it may come back for its pictures whenever it wants. */
  readonly #waiter: Waiter | undefined;
  readonly #gone = new AbortController();
  #hasAnswer = false;

  private constructor({ body, model }: Wanted, generation: Generation, waiter: Waiter | undefined, ports: WaitPorts) {
    this.body = body;
    this.model = model;
    this.generation = generation;
    this.answerPorts = ports;
    this.#ports = ports;
    this.#waiter = waiter;
  }

  /** Hands the request in, or joins the one that it repeats. */
  static async begin(
    wanted: Wanted,
    request: FastifyRequest,
    reply: FastifyReply,
    ports: WaitPorts,
  ): Promise<ClientWait> {
    const { generation, waiter } = await handIn(wanted, request, reply, ports);
    if (waiter !== undefined) ports.running.join(waiter);
    const wait = new ClientWait(wanted, generation, waiter, ports);
    if (reply.raw.destroyed) wait.#leave();
    else reply.raw.once('close', () => wait.#leave());
    return wait;
  }

  /** Aborted when the client is gone. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  events(): AsyncGenerator<NumberedEvent, void, undefined> {
    return this.#ports.followers.follow(this.generation, this.#gone.signal);
  }

  record(): Promise<GenerationRecord> {
    return this.#ports.getGeneration(this.generation);
  }

  /** The record when the generation has ended; undefined when the client went away before. */
  async ended(): Promise<GenerationRecord | undefined> {
    for await (const _event of this.events()) if (this.signal.aborted) break;
    return this.signal.aborted ? undefined : this.record();
  }

  /** The client has what it waited for, or knows that it will not get it. */
  answered(): void {
    if (this.#hasAnswer) return;
    this.#hasAnswer = true;
    if (this.#waiter !== undefined) this.#ports.running.answered(this.#waiter);
  }

  #leave(): void {
    if (this.#hasAnswer) return;
    this.#hasAnswer = true;
    // A server that closes cuts its connections: what was accepted is drawn after the next start.
    if (this.#waiter !== undefined) {
      if (this.#ports.followers.isClosing) this.#ports.running.answered(this.#waiter);
      else this.#ports.running.left(this.#waiter);
    }
    this.#gone.abort();
  }
}

/** By the idempotency key of the client where it names one; else a retry of a client finds what it asked for before. */
async function handIn(
  { input, hash }: Wanted,
  request: FastifyRequest,
  reply: FastifyReply,
  ports: WaitPorts,
): Promise<{ readonly generation: Generation; readonly waiter: Waiter | undefined }> {
  const { tenantId } = input;
  const named = idempotencyKeyOf(request);
  if (named !== undefined) {
    const submission = await ports.submitGeneration({ ...input, idempotency: { key: named, bodyHash: hash } });
    if (submission.isReplay) reply.header('idempotency-replayed', 'true');
    return { generation: submission.generation, waiter: undefined };
  }
  const isRepeat = Number(request.headers['x-stainless-retry-count'] ?? 0) > 0;
  // With a space, which no idempotency key of a client has.
  const key = `retry ${input.keyId ?? ''} ${hash}`;
  const { record, ticket } = await ports.joinGeneration.begin(input, { key, isRepeat });
  const { generation } = record;
  return { generation, waiter: { tenantId, id: generation.id, key, ticket } };
}

/** @throws AppError `validation_failed` */
function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const parsed = submitHeadersSchema.safeParse(headers);
  if (!parsed.success) throw validationError(parsed.error, headers);
  return parsed.data['idempotency-key'];
}
