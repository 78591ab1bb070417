/** Wiring of what is measured: the metrics, the device monitor, and what tells them. */
import { basename } from 'node:path';
import { openDeviceMemory } from '@imagemill/diffusion/device-memory';
import { openDeviceSensors } from '@imagemill/diffusion/device-sensors';
import { systemClock } from '../adapters/clock.ts';
import { type CollectGauges, Metrics } from '../adapters/telemetry/metrics.ts';
import type { OtlpTraces } from '../adapters/telemetry/otlp-traces.ts';
import { createTenantLabel } from '../adapters/telemetry/tenant-labels.ts';
import { watchModels } from '../adapters/telemetry/watch-models.ts';
import { DeviceMonitor } from '../application/device-monitor.ts';
import type { DeviceMemoryFacts, DrawingEngine, EngineStatus } from '../application/engine-port.ts';
import { BusyMeter } from '../application/observe-attempts.ts';
import type { Disk, Logger } from '../application/ports.ts';
import type { QueueReader } from '../application/queue-ports.ts';
import type { ReapExpiredLeases } from '../application/reap-expired-leases.ts';
import type { WebhookSender } from '../application/webhook-ports.ts';
import type { Config } from '../config/load.ts';

export function createMetrics(config: Config): Metrics {
  return new Metrics({ tenantLabel: createTenantLabel(config) });
}

/** Undefined unless the settings name a collector; then nothing of it is loaded. */
export async function openTraces(
  { traceUrl: url, traceHeaders: headers, traceRatio: ratio }: Config,
  { version, metrics }: { readonly version: string; readonly metrics: Metrics },
): Promise<OtlpTraces | undefined> {
  if (url === undefined) return undefined;
  const { OtlpTraces } = await import('../adapters/telemetry/otlp-traces.ts');
  const onSent = (spans: number, isDelivered: boolean): void => metrics.spansSent(spans, isDelivered);
  return new OtlpTraces({ url, headers, ratio, version, onSent });
}

export interface DevicePartsInput {
  readonly engine: Pick<DrawingEngine, 'status' | 'onChange'>;
  readonly memoryOf: (device: string) => DeviceMemoryFacts | undefined;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export interface DeviceParts {
  readonly busy: BusyMeter;
  readonly monitor: DeviceMonitor;
}

/** What watches the device of this process. */
export async function watchDevice(
  config: Config,
  { engine, memoryOf, metrics, log }: DevicePartsInput,
  opened: (() => Promise<void> | void)[],
): Promise<DeviceParts> {
  const busy = new BusyMeter(() => systemClock.now());
  const sensors = await openDeviceSensors(config.device);
  const onError = (err: unknown): void => log.warn({ err }, 'looking at the device failed');
  const monitor = new DeviceMonitor({ clock: systemClock, device: config.device, busy, sensors, memoryOf, onError });
  opened.push(() => monitor.close());
  const stop = watchModels(engine, {
    loaded: (device, path) => metrics.modelLoaded(device, basename(path)),
    evicted: (device, path) => metrics.modelEvicted(device, basename(path)),
  });
  opened.push(stop);
  metrics.collectWith(collectDevice(monitor, busy, () => engine.status));
  return { busy, monitor };
}

/** Gauges of the records and the machine. */
export async function collectSystem(parts: {
  readonly queue: QueueReader;
  readonly disk: Disk;
  readonly version: string;
}): Promise<CollectGauges> {
  const [cpu, memory] = await Promise.all([openDeviceSensors('cpu'), openDeviceMemory('cpu')]);
  cpu?.read(); // The first reading of a counter says nothing yet.
  return async (set) => {
    const { pausedSince, classes, dead } = await parts.queue.facts();
    const now = systemClock.now();
    for (const [priority, { queued, backingOff, running, costMs, oldestAt }] of Object.entries(classes)) {
      for (const [state, count] of Object.entries({ queued, backing_off: backingOff, running }))
        set('imagemill_jobs', { state, priority }, count);
      set('imagemill_queue_device_seconds', { priority }, costMs / 1_000);
      const age = oldestAt === undefined ? 0 : Math.max(0, now - oldestAt) / 1_000;
      set('imagemill_queue_oldest_age_seconds', { priority }, age);
    }
    set('imagemill_dead_letters', {}, dead);
    set('imagemill_queue_paused', {}, pausedSince === undefined ? 0 : 1);
    set('imagemill_disk_min_free_bytes', {}, parts.disk.minFreeBytes);
    set('imagemill_disk_free_bytes', {}, await parts.disk.freeBytes().catch(() => undefined));
    const reading = memory?.read();
    set('imagemill_system_memory_bytes', { kind: 'total' }, reading?.totalBytes);
    set('imagemill_system_memory_bytes', { kind: 'free' }, reading?.freeBytes);
    set('imagemill_system_cpu_utilization_ratio', {}, cpu?.read().utilization);
    set('imagemill_build_info', { version: parts.version, node: process.versions.node }, 1);
  };
}

function collectDevice(monitor: DeviceMonitor, busy: BusyMeter, statusOf: () => EngineStatus): CollectGauges {
  return async (set) => {
    const { device, state, slots, crashes, models } = statusOf();
    set('imagemill_engine_ready', { device }, state === 'ready' ? 1 : 0);
    set('imagemill_engine_slots', { device }, slots);
    set('imagemill_engine_active_pictures', { device }, busy.active);
    set('imagemill_engine_crashes_total', { device }, crashes);
    set('imagemill_device_busy_seconds_total', { device }, busy.busyMs / 1_000);
    const loaded = models.filter((model) => model.state === 'loaded');
    set('imagemill_models_loaded', { device }, loaded.length);
    const bytes = loaded.reduce((sum, model) => sum + model.bytes, 0);
    set('imagemill_model_memory_bytes', { device }, bytes);
    const { source, utilization, temperatureCelsius, powerWatts, memory } = monitor.sample;
    set('imagemill_device_utilization_ratio', { device, source }, utilization);
    set('imagemill_device_temperature_celsius', { device }, temperatureCelsius);
    set('imagemill_device_power_watts', { device }, powerWatts);
    set('imagemill_device_memory_bytes', { device, kind: 'total' }, memory?.totalBytes);
    set('imagemill_device_memory_bytes', { device, kind: 'free' }, memory?.freeBytes);
  };
}

/** The same sender, every attempt counted. */
export function countSent(sender: WebhookSender, metrics: Metrics): WebhookSender {
  return {
    problemOf: (url) => sender.problemOf(url),
    async send(message, signal) {
      const outcome = await sender.send(message, signal);
      metrics.messageSent({ channel: 'webhook', isDelivered: outcome.problem === undefined });
      return outcome;
    },
  };
}

/** Counts what it gives back. */
export function countReaped(reap: ReapExpiredLeases, metrics: Metrics): ReapExpiredLeases {
  return async () => {
    const count = await reap();
    metrics.leasesExpired(count);
    return count;
  };
}
