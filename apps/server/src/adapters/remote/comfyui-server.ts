/**
 * ComfyUI's API: a filled-in workflow goes to `POST /prompt`, `GET /history/<id>` tells how it ended, `GET /view` has
 * the picture. Steps come over its WebSocket where that can be opened; nothing depends on it.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { EngineItem } from '../../application/engine-port.ts';
import type { Clock } from '../../application/ports.ts';
import { fillWorkflow, type Workflow } from './comfyui-workflow.ts';
import { fault, type RemoteFault } from './remote-fault.ts';
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
    const answer = await callRemoteJson(this.#options, { path: '/system_stats', signal });
    const stats = statsSchema.safeParse(answer);
    if (!stats.success) {
      const message = `${this.baseUrl}/system_stats does not answer as ComfyUI does.`;
      throw fault('engine_answer_invalid', message, { retryable: true });
    }
    const { system, devices } = stats.data;
    const names = devices.map(({ name }) => name).join(', ');
    return { kind: 'comfyui', notes: [`ComfyUI ${system.comfyui_version ?? ''} at ${this.baseUrl} on ${names}.`] };
  }

  async draw(item: EngineItem, { signal, step }: DrawOptions): Promise<Uint8Array> {
    const stopSteps = this.#watchSteps(item, step);
    let id: string | undefined;
    try {
      id = await this.#submit(fillWorkflow(this.#options.workflow, item), signal);
      const { filename, subfolder, type } = await this.#untilDone(id, signal);
      const query = new URLSearchParams({ filename, subfolder, type });
      return new Uint8Array(await callRemote(this.#options, { path: `/view?${query}`, signal }));
    } finally {
      stopSteps();
      if (id !== undefined) await this.#forget(id, signal.aborted);
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

  /** The picture of a workflow, when it has ended. */
  async #untilDone(id: string, signal: AbortSignal): Promise<ComfyPicture> {
    for (;;) {
      // In this order: what is in neither was not there between the two looks.
      const isQueued = await this.#isQueued(id, signal);
      const history = historySchema.safeParse(await callRemoteJson(this.#options, { path: `/history/${id}`, signal }));
      const entry = history.data?.[id];
      if (entry !== undefined) return pictureOf(entry, this.baseUrl);
      if (!isQueued) {
        const message = `ComfyUI at ${this.baseUrl} forgot the picture that it was drawing; it was probably restarted.`;
        throw fault('engine_crashed', message, { retryable: true });
      }
      await this.#pause(signal);
    }
  }

  async #isQueued(id: string, signal: AbortSignal): Promise<boolean> {
    const queue = queueSchema.parse(await callRemoteJson(this.#options, { path: '/queue', signal }));
    return [...queue.queue_running, ...queue.queue_pending].some((entry) => entry[1] === id);
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
