/** The metrics of this process. They cost a few map look-ups an event; what is expensive is asked when it is read. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { EndedAttempt, SentMessage, Telemetry } from '../../application/telemetry-port.ts';
import type { StoredEvent } from '../../domain/event.ts';
import type { TenantId } from '../../domain/ids.ts';
import { createBoundedLabel } from './bounded-labels.ts';
import { type MetricDefinition, type MetricName, metricDefinitions, type NameOf } from './metric-definitions.ts';

export interface MetricsOptions {
  /** What a tenant is called in labels. */
  readonly tenantLabel: (tenant: TenantId) => string;
}

/** Brings gauges up to date before they are read. */
export type CollectGauges = (set: SetGauge) => Promise<void>;

export type Labels = Readonly<Record<string, string>>;
/** Sets a gauge, or a counter whose sum somebody else keeps. */
export type SetGauge = (name: NameOf<'gauge'> | NameOf<'counter'>, labels: Labels, value: number | undefined) => void;

/** An answer of the HTTP API. */
export interface AnsweredRequest {
  readonly method: string;
  /** The pattern of the route, or `none`. */
  readonly route: string;
  readonly status: number;
  /** Undefined for a stream that stays open. */
  readonly seconds: number | undefined;
}

export class Metrics implements Telemetry {
  readonly #registry = new Registry();
  readonly #counters = new Map<MetricName, Counter>();
  readonly #gauges = new Map<MetricName, Gauge>();
  readonly #histograms = new Map<MetricName, Histogram>();
  /** Sums of others, as they were when they were last read. */
  readonly #sums = new Map<string, number>();
  readonly #tenantLabel: (tenant: TenantId) => string;
  readonly #collectors: CollectGauges[] = [];
  readonly #messageListeners = new Set<(message: SentMessage) => void>();
  readonly #code = createBoundedLabel(60);
  readonly #model = createBoundedLabel(50);
  #reading: Promise<string> | undefined;

  constructor({ tenantLabel }: MetricsOptions) {
    const bounded = createBoundedLabel(200);
    this.#tenantLabel = (tenant) => bounded(tenantLabel(tenant));
    for (const [name, definition] of Object.entries(metricDefinitions) as [MetricName, MetricDefinition][]) {
      const { help, labels, buckets = [] } = definition;
      const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
      if (definition.type === 'counter') this.#counters.set(name, new Counter(options));
      else if (definition.type === 'gauge') this.#gauges.set(name, new Gauge(options));
      else this.#histograms.set(name, new Histogram({ ...options, buckets: [...buckets] }));
    }
    collectDefaultMetrics({ register: this.#registry });
  }

  /** From now on also these gauges. */
  collectWith(collect: CollectGauges): void {
    this.#collectors.push(collect);
  }

  /** Names of all that can be read, those of the process included. */
  names(): readonly string[] {
    return this.#registry.getMetricsAsArray().map(({ name }) => name);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text of Prometheus' exposition format. Readers of the same moment share one. */
  read(): Promise<string> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  jobChanged(event: StoredEvent): void {
    if (!('jobId' in event)) return;
    const state = stateOf(event);
    const { priority = 'unknown' } = event;
    this.#add('imagemill_jobs_total', { state, priority, tenant_class: this.#tenantLabel(event.tenantId) });
  }

  attemptEnded({ outcome, job, code, timings, picture }: EndedAttempt): void {
    const { priority } = job ?? { priority: 'unknown' };
    const tenant = job === undefined ? 'unknown' : this.#tenantLabel(job.tenantId);
    const labels = { outcome, code: this.#code(code ?? ''), priority, tenant_class: tenant };
    this.#add('imagemill_attempts_total', labels);
    if (timings !== undefined) {
      for (const phase of phases) {
        this.#observe('imagemill_job_phase_seconds', { phase, priority }, timings[`${phase}Ms`] / 1_000);
      }
    }
    if (picture === undefined) return;
    const model = this.#model(picture.model);
    const megapixels = sizeClass(picture.width * picture.height);
    this.#add('imagemill_pictures_total', { model, megapixels, tenant_class: tenant });
    this.#add('imagemill_device_seconds_total', { model, tenant_class: tenant }, picture.deviceMs / 1_000);
    this.#observe('imagemill_job_steps', {}, picture.steps);
    for (const warning of picture.warnings) {
      if (!warning.startsWith(RUNG)) continue;
      this.#add('imagemill_memory_rungs_total', { rung: this.#code(warning.slice(RUNG.length)) });
    }
  }

  pictureDrawn({ device, meanBatch, loadMs }: Parameters<Telemetry['pictureDrawn']>[0]): void {
    if (meanBatch !== undefined) this.#observe('imagemill_batch_size', { device }, meanBatch);
    if (loadMs > 0) this.#observe('imagemill_model_load_seconds', { device }, loadMs / 1_000);
  }

  stepDone(device: string): void {
    this.#add('imagemill_denoise_steps_total', { device });
  }

  /** Called with every message that was tried to be sent; the result ends it. */
  onMessage(listener: (message: SentMessage) => void): () => void {
    this.#messageListeners.add(listener);
    return () => this.#messageListeners.delete(listener);
  }

  messageSent(message: SentMessage): void {
    const { channel, isDelivered } = message;
    for (const listener of this.#messageListeners) listener(message);
    this.#add('imagemill_messages_total', { channel, outcome: isDelivered ? 'delivered' : 'failed' });
  }

  leasesExpired(count: number): void {
    this.#add('imagemill_leases_expired_total', {}, count);
  }

  spansSent(count: number, isDelivered: boolean): void {
    this.#add('imagemill_trace_spans_total', { outcome: isDelivered ? 'delivered' : 'lost' }, count);
  }

  incidentSeen(kind: string): void {
    this.#add('imagemill_incidents_total', { kind });
  }

  modelLoaded(device: string, model: string): void {
    this.#add('imagemill_model_loads_total', { device, model: this.#model(model) });
  }

  modelEvicted(device: string, model: string): void {
    this.#add('imagemill_model_evictions_total', { device, model: this.#model(model) });
  }

  requestAnswered({ method, route, status, seconds }: AnsweredRequest): void {
    this.#add('imagemill_http_requests_total', { method, route, status: String(status) });
    if (seconds !== undefined) this.#observe('imagemill_http_request_seconds', { method, route }, seconds);
  }

  async #read(): Promise<string> {
    for (const collect of this.#collectors) await collect((name, labels, value) => this.#set(name, labels, value));
    return this.#registry.metrics();
  }

  #add(name: NameOf<'counter'>, labels: Labels, value = 1): void {
    this.#counters.get(name)?.inc({ ...labels }, value);
  }

  #observe(name: NameOf<'histogram'>, labels: Labels, value: number): void {
    this.#histograms.get(name)?.observe({ ...labels }, value);
  }

  #set(name: MetricName, labels: Labels, value: number | undefined): void {
    if (value === undefined) return;
    const gauge = this.#gauges.get(name);
    if (gauge !== undefined) {
      gauge.set({ ...labels }, value);
      return;
    }
    const key = `${name} ${JSON.stringify(labels)}`;
    const grown = value - (this.#sums.get(key) ?? 0);
    this.#sums.set(key, value);
    this.#counters.get(name)?.inc({ ...labels }, Math.max(0, grown));
  }
}

function stateOf(event: Extract<StoredEvent, { jobId: unknown }>): string {
  if (event.type === 'job.queued') return event.attempt === 0 ? 'queued' : 'requeued';
  return event.type === 'job.failed' ? event.state : event.type.slice('job.'.length);
}

/** Sizes up to so many megapixels. */
function sizeClass(pixels: number): string {
  const bound = [0.3, 0.6, 1.1, 2.2, 4.5].find((megapixels) => pixels <= megapixels * 1_000_000);
  return bound === undefined ? 'more' : `${bound}`;
}

const phases = ['queue', 'load', 'encode', 'denoise', 'decode', 'store', 'total'] as const;
/** Warnings of the out-of-memory ladder start with it. */
const RUNG = 'memory_';
