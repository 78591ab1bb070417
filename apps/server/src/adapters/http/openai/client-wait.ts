import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GetGeneration } from '../../../application/get-generation.ts';
import type { GenerationRecord } from '../../../application/ports.ts';
import type { SubmitGeneration, SubmitGenerationInput } from '../../../application/submit-generation.ts';
import type { NumberedEvent } from '../../../domain/event.ts';
import type { Generation } from '../../../domain/generation.ts';
import type { ModelFacts } from '../../../domain/model.ts';
import { tenantOf } from '../tenant.ts';
import type { AnswerPorts } from './answer.ts';
import type { Followers } from './follow.ts';
import type { RunningRequests } from './running-requests.ts';
import type { ImageRequest } from './schema.ts';

export interface WaitPorts extends AnswerPorts {
  readonly submitGeneration: SubmitGeneration;
  readonly getGeneration: GetGeneration;
  readonly followers: Followers;
  readonly running: RunningRequests;
}

interface Wanted {
  readonly body: ImageRequest;
  readonly model: ModelFacts;
  readonly input: SubmitGenerationInput;
  /** Who asks for what; equal for a repeat. */
  readonly key: string;
}

/** A client that waits for its pictures on an open connection. */
export class ClientWait {
  readonly body: ImageRequest;
  readonly model: ModelFacts;
  readonly generation: Generation;
  readonly answerPorts: AnswerPorts;
  readonly #ports: WaitPorts;
  readonly #key: string;
  readonly #gone = new AbortController();
  #hasAnswer = false;

  private constructor({ body, model, key }: Wanted, generation: Generation, ports: WaitPorts) {
    this.body = body;
    this.model = model;
    this.generation = generation;
    this.answerPorts = ports;
    this.#ports = ports;
    this.#key = key;
  }

  /** Hands the request in, or joins the one that it repeats. */
  static async begin(
    wanted: Wanted,
    request: FastifyRequest,
    reply: FastifyReply,
    ports: WaitPorts,
  ): Promise<ClientWait> {
    const tenantId = tenantOf(request);
    const isRetry = Number(request.headers['x-stainless-retry-count'] ?? 0) > 0;
    const known = isRetry ? ports.running.find(wanted.key) : undefined;
    const { generation } =
      known === undefined
        ? await ports.submitGeneration(wanted.input)
        : await ports.getGeneration({ tenantId, id: known });
    ports.running.join(wanted.key, tenantId, generation.id);
    const wait = new ClientWait(wanted, generation, ports);
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
    this.#ports.running.answered(this.#key);
  }

  #leave(): void {
    if (this.#hasAnswer) return;
    this.#hasAnswer = true;
    // A server that closes cuts its connections: what was accepted is drawn after the next start.
    if (this.#ports.followers.isClosing) this.#ports.running.answered(this.#key);
    else this.#ports.running.left(this.#key);
    this.#gone.abort();
  }
}
