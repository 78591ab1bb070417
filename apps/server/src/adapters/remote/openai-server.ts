/**
 * Image servers that speak OpenAI's `POST /v1/images/generations`: SGLang Diffusion, vLLM-Omni, sd-server of
 * stable-diffusion.cpp, LocalAI, and another Imagemill. They agree on prompt, size and `b64_json`; what they call the
 * rest is a dialect.
 */
import { z } from 'zod';
import type { EngineItem } from '../../application/engine-port.ts';
import { fault, type RemoteFault } from './remote-fault.ts';
import { callRemote, callRemoteJson, type RemoteAddress, wordsOf } from './remote-http.ts';
import type { DrawOptions, RemoteFacts, RemoteServer } from './remote-server.ts';

type Dialect = 'openai' | 'sd-server' | 'localai';

export interface OpenAiServerOptions extends RemoteAddress {
  /** Its name for the model; its own default where undefined. */
  readonly model: string | undefined;
  readonly dialect: Dialect | 'auto';
}

export class OpenAiServer implements RemoteServer {
  readonly baseUrl: string;
  readonly #options: OpenAiServerOptions;
  #found: Dialect | undefined;

  constructor(options: OpenAiServerOptions) {
    // Clients are often given the address with the version.
    this.baseUrl = options.baseUrl.replace(/\/v1$/, '');
    this.#options = { ...options, baseUrl: this.baseUrl };
  }

  async probe(signal: AbortSignal): Promise<RemoteFacts> {
    const answer = modelsSchema.safeParse(await callRemoteJson(this.#options, { path: '/v1/models', signal }));
    if (!answer.success) {
      const message = `${this.baseUrl}/v1/models does not answer with a list of models: no server for OpenAI's clients.`;
      throw fault('engine_answer_invalid', message, { retryable: true });
    }
    const names = answer.data.data.map(({ id }) => id);
    this.#found = this.#options.dialect === 'auto' ? dialectOf(names) : this.#options.dialect;
    const models = names.slice(0, 10).join(', ');
    const message = `The engine at ${this.baseUrl} offers: ${models}.`;
    return {
      kind: this.#found,
      notes: [{ code: 'remote_models', message, details: { engine: this.baseUrl, models } }],
    };
  }

  async draw(item: EngineItem, { signal }: DrawOptions): Promise<Uint8Array> {
    const body = bodyOf(item, this.#options.model, this.#found ?? 'openai');
    const path = '/v1/images/generations';
    const answer = await callRemoteJson(this.#options, { method: 'POST', path, body, signal });
    const picture = imagesSchema.safeParse(answer).data?.data[0];
    if (picture?.b64_json) return new Uint8Array(Buffer.from(withoutDataUrl(picture.b64_json), 'base64'));
    if (picture?.url) return this.#fetch(picture.url, signal);
    throw this.#withoutPicture(answer);
  }

  /** A picture that stands at an address of the engine. Other servers are not asked for what an answer names. */
  async #fetch(text: string, signal: AbortSignal): Promise<Uint8Array> {
    if (text.startsWith('data:')) return new Uint8Array(Buffer.from(withoutDataUrl(text), 'base64'));
    const own = new URL(this.baseUrl);
    const url = URL.canParse(text, own.href) ? new URL(text, own) : undefined;
    if (url?.origin !== own.origin) {
      const message = `The engine at ${this.baseUrl} answered with the address of another server in place of the picture. Have it answer with b64_json.`;
      throw fault('engine_answer_invalid', message);
    }
    const { origin: baseUrl, pathname, search } = url;
    return new Uint8Array(await callRemote({ ...this.#options, baseUrl }, { path: pathname + search, signal }));
  }

  /** Some servers tell of an error, or of a picture that they hold back, with the status 200. */
  #withoutPicture(answer: unknown): RemoteFault {
    const { error } = errorSchema.safeParse(answer).data ?? {};
    if (error === undefined || error === null) {
      const message = `The engine at ${this.baseUrl} answered without a picture in data[0].b64_json.`;
      return fault('engine_answer_invalid', message, { retryable: true });
    }
    const message = `The engine at ${this.baseUrl} answered with an error: ${wordsOf({ error })}.`;
    const isFinal = REFUSALS.test(JSON.stringify(error));
    return isFinal ? fault('engine_refused', message) : fault('engine_fault', message, { retryable: true });
  }
}

/** sd-server has one model, of a fixed name. LocalAI cannot be told apart; its dialect has to be set. */
function dialectOf(names: readonly string[]): Dialect {
  return names.length === 1 && names[0] === 'sd-cpp-local' ? 'sd-server' : 'openai';
}

function bodyOf(item: EngineItem, model: string | undefined, dialect: Dialect): Readonly<Record<string, unknown>> {
  const common = {
    ...(model === undefined ? {} : { model }),
    n: 1,
    size: `${item.width}x${item.height}`,
    response_format: 'b64_json',
    // Lossless: the picture is encoded here as it was asked for, with its marks.
    output_format: 'png',
  };
  switch (dialect) {
    case 'openai':
      return {
        ...common,
        prompt: item.prompt,
        seed: item.seed,
        num_inference_steps: item.steps,
        guidance_scale: item.guidanceScale,
        ...(item.negativePrompt === '' ? {} : { negative_prompt: item.negativePrompt }),
      };
    case 'sd-server':
      return { ...common, prompt: `${withoutTags(item.prompt)} ${extraArgs(item)}` };
    case 'localai': {
      // The part after a bar is what the picture shall not show.
      const [prompt, negative] = [item.prompt, item.negativePrompt].map((text) => text.replaceAll('|', ' '));
      return {
        ...common,
        prompt: negative === '' ? prompt : `${prompt}|${negative}`,
        seed: item.seed,
        step: item.steps,
        cfg_scale: item.guidanceScale + 1,
      };
    }
  }
}

/** Settings that sd-server takes from inside the prompt. It reads its first tag, so a prompt must not bring one. */
function extraArgs({ seed, steps, guidanceScale, negativePrompt }: EngineItem): string {
  // Its guidance is neg + s·(pos − neg): 1 is off.
  const sampling = { sample_steps: steps, guidance: { txt_cfg: guidanceScale + 1 } };
  const values = JSON.stringify({ seed, negative_prompt: withoutTags(negativePrompt), sample_params: sampling });
  return `<sd_cpp_extra_args>${values}</sd_cpp_extra_args>`;
}

function withoutDataUrl(text: string): string {
  return text.replace(/^data:[^,]{0,200},/, '');
}

function withoutTags(text: string): string {
  return text.replaceAll(/<\/?sd_cpp_extra_args>/gi, ' ');
}

const modelsSchema = z.object({ data: z.array(z.object({ id: z.string() })) });
const imagesSchema = z.object({
  data: z.array(z.object({ b64_json: z.string().nullish(), url: z.string().nullish() })),
});
const errorSchema = z.object({ error: z.unknown() });
/** Codes and types of errors that the same request meets again. */
const REFUSALS = /content_?(policy|filter)|moderation|safety|nsfw|invalid_request/i;
