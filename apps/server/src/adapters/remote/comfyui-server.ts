/**
 * ComfyUI's API: a filled-in workflow goes to `POST /prompt`, `GET /history/<id>` tells how it ended, `GET /view` has
 * the picture. Steps come over its WebSocket where that can be opened; nothing depends on it.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { EngineItem } from '../../application/engine-port.ts';
import type { Clock } from '../../application/ports.ts';
import { fillWorkflow, type Workflow } from './comfyui-workflow.ts';
import { fault, RemoteFault } from './remote-fault.ts';
import { callRemote, callRemoteJson, type RemoteAddress } from './remote-http.ts';
import type { DrawOptions, RemoteFacts, RemoteServer } from './remote-server.ts';

export interface ComfyUiServerOptions extends RemoteAddress {
  readonly workflow: Workflow;
  readonly clock: Clock;
  /** Time between two looks at a picture under way. @default 500 */
  readonly pollMs?: number | undefined;
}

export class ComfyUiServer implements RemoteServer {
  readonly baseUrl: string;
  readonly #options: ComfyUiServerOptions;
  /** Names this server to ComfyUI, which sends steps to who asked. */
  readonly #clientId = randomUUID();

  constructor(options: ComfyUiServerOptions) {
    this.baseUrl = options.baseUrl;
    this.#options = options;
  }

  async probe(signal: AbortSignal): Promise<RemoteFacts> {
    const { system, devices } = await this.#ask('/system_stats', statsSchema, signal);
    const names = devices.map(({ name }) => name).join(', ');
    const details = { version: system.comfyui_version ?? '', engine: this.baseUrl, devices: names };
    const message = `ComfyUI ${details.version} at ${this.baseUrl} on ${names}.`;
    return { kind: 'comfyui', notes: [{ code: 'remote_comfyui', message, details }] };
  }

  async draw(item: EngineItem, { signal, step }: DrawOptions): Promise<Uint8Array> {
    const stopSteps = this.#watchSteps(item, step);
    let id: string | undefined;
    let isOver = false;
    try {
      id = await this.#submit(fillWorkflow(this.#options.workflow, item), signal);
      const entry = await this.#untilOver(id, signal);
      isOver = true;
      if (entry === undefined) {
        const message = `ComfyUI at ${this.baseUrl} forgot the picture that it was drawing; it was probably restarted.`;
        throw fault('engine_crashed', message, { retryable: true });
      }
      return await this.#view(pictureOf(entry, this.baseUrl), signal);
    } finally {
      stopSteps();
      if (id !== undefined) await this.#forget(id, !isOver);
    }
  }

  async #submit(prompt: Workflow, signal: AbortSignal): Promise<string> {
    const body = { prompt, client_id: this.#clientId };
    const answer = submittedSchema.safeParse(
      await callRemoteJson(this.#options, { method: 'POST', path: '/prompt', body, signal }),
    );
    if (answer.success) return answer.data.prompt_id;
    throw fault('engine_answer_invalid', `ComfyUI at ${this.baseUrl} took a workflow without naming it.`);
  }

  /** How a workflow ended; undefined when nobody knows of it any more. */
  async #untilOver(id: string, signal: AbortSignal): Promise<z.output<typeof entrySchema> | undefined> {
    for (;;) {
      const { isQueued, entry } = await this.#patiently(() => this.#look(id, signal), signal);
      if (entry !== undefined || !isQueued) return entry;
      await this.#pause(signal);
    }
  }

  async #look(id: string, signal: AbortSignal) {
    // In this order: what is in neither was not there between the two looks.
    const queue = await this.#ask('/queue', queueSchema, signal);
    const isQueued = [...queue.queue_running, ...queue.queue_pending].some((entry) => entry[1] === id);
    const entry = (await this.#ask(`/history/${id}`, historySchema, signal))[id];
    return { isQueued, entry };
  }

  async #view({ filename, subfolder, type }: ComfyPicture, signal: AbortSignal): Promise<Uint8Array> {
    const query = new URLSearchParams({ filename, subfolder, type });
    return new Uint8Array(
      await this.#patiently(() => callRemote(this.#options, { path: `/view?${query}`, signal }), signal),
    );
  }

  async #ask<T>(path: string, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    const answer = schema.safeParse(await callRemoteJson(this.#options, { path, signal }));
    if (answer.success) return answer.data;
    const message = `${this.baseUrl}${path} does not answer as ComfyUI does.`;
    throw fault('engine_answer_invalid', message, { retryable: true });
  }

  /** Asks some times: where a proxy stumbles, or the server is busy with a step, the picture is drawn all the same. */
  async #patiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let failed = 1; ; failed += 1) {
      try {
        return await ask();
      } catch (error) {
        const mayPass = error instanceof RemoteFault && error.fault.retryable;
        if (!mayPass || signal.aborted || failed > MOST_FAILED_LOOKS) throw error;
      }
      await this.#pause(signal);
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    const { clock, pollMs = 500 } = this.#options;
    return new Promise((resolve) => {
      const callOff = clock.after(pollMs, done);
      function done(): void {
        callOff();
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done);
    });
  }

  /** Takes the prompt out of its history; before that, stops what is drawn for nobody. Best effort. */
  async #forget(id: string, isStopped: boolean): Promise<void> {
    const signal = AbortSignal.timeout(FORGET_MS);
    const post = (path: string, body: unknown): Promise<unknown> =>
      callRemote(this.#options, { method: 'POST', path, body, signal }).catch(() => undefined);
    if (isStopped) {
      await post('/queue', { delete: [id] });
      await post('/interrupt', { prompt_id: id });
    }
    await post('/history', { delete: [id] });
  }

  /** Passes on the steps of the sampler; the result ends it. */
  #watchSteps({ steps }: EngineItem, step: DrawOptions['step']): () => void {
    const url = `${this.baseUrl.replace(/^http/, 'ws')}/ws?clientId=${this.#clientId}`;
    const socket = new WebSocket(url);
    socket.addEventListener('error', () => undefined);
    socket.addEventListener('message', ({ data }) => {
      const progress = typeof data === 'string' ? readProgress(data) : undefined;
      // Other nodes report progress too, e.g. a decoder its tiles.
      if (progress?.max === steps) step(progress.value, steps);
    });
    return () => socket.close();
  }
}

interface ComfyPicture {
  readonly filename: string;
  readonly subfolder: string;
  readonly type: string;
}

function pictureOf(entry: z.output<typeof entrySchema>, baseUrl: string): ComfyPicture {
  if (entry.status !== null && entry.status !== undefined && entry.status.status_str !== 'success') {
    throw drawingFault(entry.status.messages, baseUrl);
  }
  const [picture] = Object.values(entry.outputs).flatMap(({ images = [] }) => images);
  if (picture !== undefined) return picture;
  const message = `The workflow that ComfyUI at ${baseUrl} ran gave no picture; it needs a node that saves or previews one.`;
  throw fault('engine_answer_invalid', message);
}

function drawingFault(messages: readonly (readonly [string, unknown])[], baseUrl: string): RemoteFault {
  const failed = errorSchema.safeParse(messages.find(([type]) => type === 'execution_error')?.[1]).data;
  if (failed === undefined) {
    return fault('engine_crashed', `ComfyUI at ${baseUrl} was told by somebody else to stop.`, { retryable: true });
  }
  const { exception_type: type, exception_message: words, node_type: node } = failed;
  const message = `ComfyUI at ${baseUrl} failed in the node ${node}: ${words.trim().slice(0, 400)}`;
  // Somebody else's pictures may have taken the memory.
  return fault('engine_fault', message, { retryable: type.endsWith('OutOfMemoryError'), details: { node, type } });
}

function readProgress(text: string): { readonly value: number; readonly max: number } | undefined {
  try {
    return progressSchema.safeParse(JSON.parse(text)).data?.data;
  } catch {
    return undefined;
  }
}

const statsSchema = z.object({
  system: z.object({ comfyui_version: z.string().optional() }),
  devices: z.array(z.object({ name: z.string() })),
});
const submittedSchema = z.object({ prompt_id: z.string().min(1) });
const queueSchema = z.object({
  queue_running: z.array(z.array(z.unknown())),
  queue_pending: z.array(z.array(z.unknown())),
});
const imageSchema = z.object({ filename: z.string(), subfolder: z.string(), type: z.string() });
const entrySchema = z.object({
  outputs: z.record(z.string(), z.looseObject({ images: z.array(imageSchema).optional() })),
  status: z.object({ status_str: z.string(), messages: z.array(z.tuple([z.string(), z.unknown()])) }).nullish(),
});
const historySchema = z.record(z.string(), entrySchema);
const errorSchema = z.object({
  exception_type: z.string(),
  exception_message: z.string(),
  node_type: z.string(),
});
const progressSchema = z.object({
  type: z.literal('progress'),
  data: z.object({ value: z.number(), max: z.number() }),
});
const FORGET_MS = 5_000;
const MOST_FAILED_LOOKS = 5;
