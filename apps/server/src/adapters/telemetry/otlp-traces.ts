/**
 * Traces over OTLP/HTTP in its JSON form (https://opentelemetry.io/docs/specs/otlp/#otlphttp).
 *
 * Ids follow from what they stand for: the trace of a generation is its id, spans hash their names and jobs. So the
 * processes of a cluster write into one trace without handing a context on. Nothing in a span comes from a prompt.
 */
import { createHash } from 'node:crypto';
import type { AttemptTrace, EndedAttempt } from '../../application/telemetry-port.ts';
import type { StoredEvent } from '../../domain/event.ts';

export interface OtlpTracesOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Share of the generations that are traced, 0 to 1. */
  readonly ratio: number;
  readonly version: string;
  /** Told how many spans were sent or lost. */
  readonly onSent: (spans: number, isDelivered: boolean) => void;
}

type Value = string | number | boolean | undefined;

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly object[];
  readonly status: { readonly code: number; readonly message?: string };
}

interface NewSpan {
  readonly generationId: string;
  /** What it stands for; the same words give the same span. */
  readonly key: string;
  readonly parent: string | undefined;
  readonly name: string;
  /** ms since 1970 */
  readonly from: number;
  readonly to: number;
  readonly attributes?: Readonly<Record<string, Value>>;
  /** Error code of what failed. */
  readonly problem?: string | undefined;
  readonly isServer?: boolean;
}

export class OtlpTraces {
  readonly #options: OtlpTracesOptions;
  #spans: Span[] = [];
  #sending: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  constructor(options: OtlpTracesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#flush(), FLUSH_MS).unref();
  }

  /** A request was answered that made a generation. */
  requestAnswered(request: {
    readonly generationId: string;
    readonly requestId: string;
    readonly method: string;
    readonly route: string;
    readonly status: number;
    readonly seconds: number;
  }): void {
    const { generationId, requestId, method, route, status, seconds } = request;
    const to = Date.now();
    this.#add({
      ...{ generationId, key: `request ${requestId}`, parent: ROOT, name: `${method} ${route}`, isServer: true },
      ...{ from: to - seconds * 1_000, to },
      attributes: {
        'http.request.method': method,
        'http.route': route,
        'http.response.status_code': status,
        'imagemill.request.id': requestId,
      },
    });
  }

  generationFinished(event: StoredEvent): void {
    if (event.type !== 'generation.finished') return;
    const { generationId, state, at } = event;
    this.#add({
      ...{ generationId, key: ROOT, parent: undefined, name: 'generation', from: timeOf(generationId, at), to: at },
      attributes: { 'imagemill.generation.id': generationId, 'imagemill.generation.state': state },
      problem: state === 'failed' ? state : undefined,
    });
  }

  attemptEnded({ trace, outcome, code, timings, picture }: EndedAttempt): void {
    if (trace === undefined) return;
    const { generationId, jobId, attempt, createdAt, startedAt, finishedAt } = trace;
    const attributes = { ...idsOf(trace), 'imagemill.attempt.outcome': outcome };
    const own = `attempt ${jobId} ${attempt}`;
    const base = { generationId, parent: own };
    if (attempt === 1) {
      this.#add({
        generationId,
        key: `queue ${jobId}`,
        parent: ROOT,
        name: 'queue',
        from: createdAt,
        to: startedAt,
        attributes: idsOf(trace),
      });
    }
    const drawn = picture && {
      'imagemill.model': picture.model,
      'imagemill.width': picture.width,
      'imagemill.height': picture.height,
      'imagemill.steps': picture.steps,
      'imagemill.device.seconds': picture.deviceMs / 1_000,
      'imagemill.device.decode_seconds': picture.pixelsMs && picture.pixelsMs / 1_000,
      'imagemill.batch.mean': picture.meanBatch,
    };
    const problem = outcome === 'failed' ? (code ?? 'failed') : undefined;
    this.#add({
      ...{ generationId, key: own, parent: ROOT, name: 'attempt', from: startedAt, to: finishedAt, problem },
      attributes: { ...attributes, ...drawn },
    });
    if (timings === undefined) return;
    let from = startedAt;
    for (const phase of ['load', 'encode', 'denoise', 'decode', 'store'] as const) {
      const ms = timings[`${phase}Ms`];
      const name = phase === 'store' ? 'store' : `engine.${phase}`;
      if (ms > 0) this.#add({ ...base, key: `${own} ${phase}`, name, from, to: from + ms, attributes: idsOf(trace) });
      from += ms;
    }
  }

  /** Sends what is left. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#flush();
    await this.#sending;
  }

  #add({ generationId, key, parent, name, from, to, attributes = {}, problem, isServer }: NewSpan): void {
    const traceId = generationId.replaceAll('-', '').toLowerCase();
    if (!/^[0-9a-f]{32}$/.test(traceId) || !this.#isChosen(traceId)) return;
    if (this.#spans.length >= MOST_SPANS) {
      this.#options.onSent(1, false);
      return;
    }
    this.#spans.push({
      ...{ traceId, spanId: spanIdOf(generationId, key), name, kind: isServer === true ? 2 : 1 },
      ...(parent !== undefined && { parentSpanId: spanIdOf(generationId, parent) }),
      ...{ startTimeUnixNano: nanoseconds(from), endTimeUnixNano: nanoseconds(Math.max(from, to)) },
      attributes: attributesOf(problem === undefined ? attributes : { ...attributes, 'error.type': problem }),
      status: problem === undefined ? { code: 1 } : { code: 2, message: problem },
    });
    if (this.#spans.length >= SEND_AT) this.#flush();
  }

  /** The random end of an id says which generations are traced, alike in every process. */
  #isChosen(traceId: string): boolean {
    return Number.parseInt(traceId.slice(-8), 16) / 0xffffffff <= this.#options.ratio && this.#options.ratio > 0;
  }

  #flush(): void {
    const spans = this.#spans;
    if (spans.length === 0) return;
    this.#spans = [];
    this.#sending = this.#sending.then(() => this.#send(spans));
  }

  async #send(spans: readonly Span[]): Promise<void> {
    const { url, headers, version, onSent } = this.#options;
    const resource = { attributes: attributesOf({ 'service.name': 'imagemill', 'service.version': version }) };
    const scopeSpans = [{ scope: { name: 'imagemill', version }, spans }];
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] }),
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await answer.arrayBuffer();
      onSent(spans.length, answer.ok);
    } catch {
      onSent(spans.length, false);
    }
  }
}

function idsOf({ generationId, jobId, attempt }: AttemptTrace): Record<string, Value> {
  return { 'imagemill.generation.id': generationId, 'imagemill.job.id': jobId, 'imagemill.attempt': attempt };
}

function attributesOf(attributes: Readonly<Record<string, Value>>): object[] {
  return Object.entries(attributes).flatMap(([key, value]): object[] => {
    if (value === undefined) return [];
    if (typeof value === 'boolean') return [{ key, value: { boolValue: value } }];
    if (typeof value === 'string') return [{ key, value: { stringValue: value } }];
    return [{ key, value: Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value } }];
  });
}

function spanIdOf(generationId: string, key: string): string {
  return createHash('sha256').update(`${generationId} ${key}`).digest('hex').slice(0, 16);
}

function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1_000)}000`;
}

/** When an id of version 7 was made, in ms since 1970. */
function timeOf(id: string, otherwise: number): number {
  const ms = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
  return Number.isSafeInteger(ms) && ms <= otherwise ? ms : otherwise;
}

const ROOT = 'generation';
const FLUSH_MS = 2_000;
const SEND_AT = 256;
const MOST_SPANS = 4_096;
const TIMEOUT_MS = 5_000;
