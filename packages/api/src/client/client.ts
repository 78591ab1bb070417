import type { Asset } from '../contracts/asset.ts';
import type { GenerationEvent } from '../contracts/event.ts';
import type {
  Generation,
  GenerationPage,
  GenerationRequestInput,
  ListGenerationsQuery,
} from '../contracts/generation.ts';
import type { Inspection } from '../contracts/inspection.ts';
import type { Job, JobDetail } from '../contracts/job.ts';
import type { Lora, LoraList } from '../contracts/lora.ts';
import type { ModelList } from '../contracts/model.ts';
import type { ListPicturesQuery, MarkPicturesRequest, MarkPicturesResult, PicturePage } from '../contracts/picture.ts';
import type { Priority } from '../contracts/primitives.ts';
import type { ListReviewsQuery, Review, ReviewPage } from '../contracts/quality.ts';
import type {
  DeadLetterPage,
  ListDeadLettersQuery,
  QueueStatus,
  RedriveRequest,
  RedriveResult,
} from '../contracts/queue.ts';
import type { SystemStatus } from '../contracts/system.ts';
import { type AdministrationClient, createAdministrationClient, queryString } from './administration.ts';
import { type AlertClient, createAlertClient } from './alerts.ts';
import { errorFromFailure, errorFromResponse } from './api-error.ts';
import { type BulkClient, createBulkClient, formOf } from './bulks.ts';
import { type ReadEventsOptions, readEvents } from './events.ts';
import { createOperationClient, type OperationClient } from './operation.ts';
import { createTemplateClient, type TemplateClient } from './templates.ts';
import { createWebhookClient, type WebhookClient } from './webhooks.ts';

export interface ClientOptions {
  /** Where the server is, without a slash at the end. @default '' (the page's own origin) */
  readonly baseUrl?: string | undefined;
  /** @default the global fetch */
  readonly fetch?: typeof fetch | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface SubmitOptions extends CallOptions {
  /** Makes a repeat safe: the same key with the same request gets the first answer again. */
  readonly idempotencyKey?: string | undefined;
}

export interface OfTenantOptions extends CallOptions {
  /** Another tenant than the caller's; for admins of the installation. */
  readonly tenant?: string | undefined;
}

/** The API as functions. Each throws an `ApiError` when it does not succeed. */
export interface Client
  extends AdministrationClient,
    AlertClient,
    BulkClient,
    WebhookClient,
    TemplateClient,
    OperationClient {
  submitGeneration(request: GenerationRequestInput, options?: SubmitOptions): Promise<Generation>;
  getGeneration(id: string, options?: OfTenantOptions): Promise<Generation>;
  listGenerations(query?: Partial<ListGenerationsQuery>, options?: CallOptions): Promise<GenerationPage>;
  cancelGeneration(id: string, options?: OfTenantOptions): Promise<Generation>;
  getJob(id: string, options?: OfTenantOptions): Promise<JobDetail>;
  cancelJob(id: string, options?: OfTenantOptions): Promise<Job>;
  setJobPriority(id: string, priority: Priority, options?: OfTenantOptions): Promise<Job>;
  redriveJob(id: string, options?: OfTenantOptions): Promise<Job>;
  getQueue(options?: CallOptions): Promise<QueueStatus>;
  pauseQueue(options?: CallOptions): Promise<QueueStatus>;
  resumeQueue(options?: CallOptions): Promise<QueueStatus>;
  listDeadLetters(query?: Partial<ListDeadLettersQuery>, options?: CallOptions): Promise<DeadLetterPage>;
  redriveDeadLetters(filter?: Partial<RedriveRequest>, options?: CallOptions): Promise<RedriveResult>;
  listModels(options?: CallOptions): Promise<ModelList>;
  listLoras(options?: CallOptions): Promise<LoraList>;
  /** Uploads a safetensors file; its name is the name of the adapter. */
  uploadLora(fileName: string, file: Blob, options?: CallOptions): Promise<Lora>;
  deleteLora(name: string, options?: CallOptions): Promise<void>;
  /** Pictures that were drawn, newest first. */
  listPictures(query?: Partial<ListPicturesQuery>, options?: CallOptions): Promise<PicturePage>;
  /** Stars, tags, takes out of the gallery, brings back. */
  markPictures(request: MarkPicturesRequest, options?: CallOptions): Promise<MarkPicturesResult>;
  /** Pictures that the quality gate held back or marked, newest first. */
  listReviews(query?: Partial<ListReviewsQuery>, options?: CallOptions): Promise<ReviewPage>;
  decideReview(id: string, decision: 'accept' | 'reject' | 'redraw', options?: CallOptions): Promise<Review>;
  /** Pictures as one ZIP file. */
  archivePictures(ids: readonly string[], options?: CallOptions): Promise<Blob>;
  /** Reads back how a picture was made: a PNG, JPEG or WebP file of this server or of another program. */
  inspect(file: Blob, options?: CallOptions): Promise<Inspection>;
  /** Stores a PNG, JPEG or WebP file to draw from; its id goes into `image` and `mask` of a request. */
  uploadAsset(file: Blob, options?: CallOptions): Promise<Asset>;
  getSystem(options?: CallOptions): Promise<SystemStatus>;
  /** Events of a generation until it has ended; a broken stream is resumed. */
  events(generationId: string, options?: ReadEventsOptions): AsyncIterable<GenerationEvent>;
  /** Full URL of a path that the API returned, e.g. `asset.url`. */
  url(path: string): string;
}

/** Makes a client; works in browsers and in Node. */
export function createClient(options: ClientOptions = {}): Client {
  const baseUrl = options.baseUrl ?? '';
  const doFetch = options.fetch ?? globalThis.fetch.bind(globalThis);
  const headers = { ...options.headers };
  const send = createSend({ baseUrl, doFetch, headers });

  async function call<T>(...request: Parameters<Send>): Promise<T> {
    const response = await send(...request);
    if (request[2].asText === true) return (await response.text()) as T;
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  return {
    ...createAdministrationClient(call),
    ...createOperationClient(call),
    ...createAlertClient(call),
    ...createBulkClient(call),
    ...createWebhookClient(call),
    ...createTemplateClient(call),
    submitGeneration: (request, o = {}) => call('POST', '/v1/generations', { ...o, body: request }),
    getGeneration: (id, o = {}) => call('GET', `/v1/generations/${encodeURIComponent(id)}${ofTenant(o)}`, o),
    listGenerations: (query = {}, o = {}) => call('GET', `/v1/generations${queryString(query)}`, o),
    cancelGeneration: (id, o = {}) => call('POST', `/v1/generations/${encodeURIComponent(id)}/cancel${ofTenant(o)}`, o),
    getJob: (id, o = {}) => call('GET', `/v1/jobs/${encodeURIComponent(id)}${ofTenant(o)}`, o),
    cancelJob: (id, o = {}) => call('POST', `/v1/jobs/${encodeURIComponent(id)}/cancel${ofTenant(o)}`, o),
    setJobPriority: (id, priority, o = {}) =>
      call('POST', `/v1/jobs/${encodeURIComponent(id)}/priority${ofTenant(o)}`, { ...o, body: { priority } }),
    redriveJob: (id, o = {}) => call('POST', `/v1/jobs/${encodeURIComponent(id)}/redrive${ofTenant(o)}`, o),
    getQueue: (o = {}) => call('GET', '/v1/queue', o),
    pauseQueue: (o = {}) => call('POST', '/v1/queue/pause', o),
    resumeQueue: (o = {}) => call('POST', '/v1/queue/resume', o),
    listDeadLetters: (query = {}, o = {}) => call('GET', `/v1/dead-letters${queryString(query)}`, o),
    redriveDeadLetters: (filter = {}, o = {}) => call('POST', '/v1/dead-letters/redrive', { ...o, body: filter }),
    listModels: (o = {}) => call('GET', '/v1/models', o),
    listLoras: (o = {}) => call('GET', '/v1/loras', o),
    uploadLora: (fileName, file, o = {}) => call('POST', '/v1/loras', { ...o, form: formOf(fileName, file) }),
    deleteLora: (name, o = {}) => call('DELETE', `/v1/loras/${encodeURIComponent(name)}`, o),
    listPictures: (query = {}, o = {}) => call('GET', `/v1/pictures${queryString(query)}`, o),
    markPictures: (request, o = {}) => call('POST', '/v1/pictures/mark', { ...o, body: request }),
    listReviews: (query = {}, o = {}) => call('GET', `/v1/reviews${queryString(query)}`, o),
    decideReview: (id, decision, o = {}) => call('POST', `/v1/reviews/${encodeURIComponent(id)}/${decision}`, o),
    archivePictures: async (ids, o = {}) =>
      (await send('POST', '/v1/pictures/archive', { ...o, body: { ids } })).blob(),
    inspect: (file, o = {}) => {
      const form = new FormData();
      form.set('file', file, 'picture');
      return call('POST', '/v1/assets/inspect', { ...o, form });
    },
    uploadAsset: (file, o = {}) => {
      const form = new FormData();
      form.set('file', file, 'picture');
      return call('POST', '/v1/assets', { ...o, form });
    },
    getSystem: (o = {}) => call('GET', '/v1/system', o),
    events: (generationId, o = {}) =>
      readEvents({
        ...o,
        url: `${baseUrl}/v1/generations/${encodeURIComponent(generationId)}/events`,
        fetch: doFetch,
        headers,
      }),
    url: (path) => baseUrl + path,
  };
}

function ofTenant({ tenant }: OfTenantOptions): string {
  return queryString({ tenant });
}

type Send = (
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  settings: SubmitOptions & { readonly body?: unknown; readonly form?: FormData; readonly asText?: boolean },
) => Promise<Response>;

/** Sends a request; its answer is a success or it throws an `ApiError`. */
function createSend(options: {
  readonly baseUrl: string;
  readonly doFetch: typeof fetch;
  readonly headers: Readonly<Record<string, string>>;
}): Send {
  const { baseUrl, doFetch, headers } = options;
  return async (method, path, settings) => {
    const init: RequestInit = {
      method,
      headers: { ...headers, accept: settings.asText === true ? 'text/csv' : 'application/json' },
    };
    if (settings.signal !== undefined) init.signal = settings.signal;
    if (settings.body !== undefined) {
      init.body = JSON.stringify(settings.body);
      init.headers = { ...init.headers, 'content-type': 'application/json' };
    }
    if (settings.form !== undefined) init.body = settings.form;
    if (settings.idempotencyKey !== undefined) {
      init.headers = { ...init.headers, 'idempotency-key': settings.idempotencyKey };
    }
    let response: Response;
    try {
      response = await doFetch(baseUrl + path, init);
    } catch (error) {
      throw errorFromFailure(error, settings.signal);
    }
    if (!response.ok) throw await errorFromResponse(response);
    return response;
  };
}
