/** Wiring of alerts: what this process sees of itself, who watches, what sends. */
import { hostname } from 'node:os';
import { createAlertSender } from '../adapters/alerts/alert-sender.ts';
import { createSmtpMailer } from '../adapters/alerts/smtp-mailer.ts';
import { systemClock } from '../adapters/clock.ts';
import type { AlertRoutePorts } from '../adapters/http/routes/alerts.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import { createGuardedPost } from '../adapters/webhooks/guarded-post.ts';
import type { AlertSender } from '../application/alert-ports.ts';
import { createClockJump } from '../application/clock-jump.ts';
import { AlertDeliverer } from '../application/deliver-alerts.ts';
import type { DeviceSample } from '../application/device-monitor.ts';
import type { EngineStatus } from '../application/engine-port.ts';
import { createManageAlerts } from '../application/manage-alerts.ts';
import type { Clock, Disk, IdSource, Logger, Store } from '../application/ports.ts';
import { AlertWatch, type WatchAlertsPorts } from '../application/watch-alerts.ts';
import type { Config } from '../config/load.ts';
import type { AlertChannel } from '../domain/alerting/alert.ts';
import type { StoredEvent } from '../domain/event.ts';
import { figuresOf } from './compose-site.ts';
import type { Cluster } from './open-records.ts';

/** A device of this process. */
export interface WatchedDevice {
  readonly sample: DeviceSample;
  readonly status: EngineStatus;
}

export interface AlertParts {
  readonly store: Store & { onWritten(listener: (event: StoredEvent) => void): () => void };
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Logger;
  readonly version: string;
  readonly metrics: Metrics;
  readonly disk: Disk;
  /** Devices of this process; none where it draws nothing. */
  readonly devices: () => readonly WatchedDevice[];
  /** Undefined where one process has the records alone. */
  readonly cluster?: Cluster | undefined;
}

export function composeAlerts(
  config: Config,
  parts: AlertParts,
  opened: (() => Promise<void> | void)[],
): AlertRoutePorts {
  const { store, clock, ids, log, metrics } = parts;
  const sender = countSent(createSender(config, parts.version), metrics);
  const fixedChannels = channelsOf(config);
  const pausesMs = config.alertRetrySeconds.map((seconds) => seconds * 1_000);
  const deliverer = new AlertDeliverer({ store, sender, clock, log, fixedChannels, pausesMs });
  opened.push(() => deliverer.close());
  const wake = (): void => deliverer.wake();
  const fixedIds = fixedChannels.map(({ id }) => id);
  watch(config, parts, { fixedChannels: fixedIds, onDue: wake, mayHold: true }, opened);
  const alerts = createManageAlerts({ store, sender, clock, ids, fixedChannels, wake });
  return { alerts, fixedChannels: fixedIds, now: () => clock.now() };
}

/** Writes what a process that answers no API sees of itself; others move the rules. */
export function reportSamples(config: Config, parts: AlertParts, opened: (() => Promise<void> | void)[]): void {
  watch(config, parts, { fixedChannels: [], onDue: () => undefined, mayHold: false }, opened);
}

function watch(
  config: Config,
  parts: AlertParts,
  part: Pick<WatchAlertsPorts, 'fixedChannels' | 'onDue' | 'mayHold'>,
  opened: (() => Promise<void> | void)[],
): void {
  const { store, clock, ids, log } = parts;
  const watching = new AlertWatch({
    ...{ store, clock, ids, log, processId: `${hostname()}:${ids.next()}` },
    ...part,
    cluster: parts.cluster && figuresOf({ ...parts, cluster: parts.cluster }),
    sample: createSample(parts, opened),
    intervalMs: config.alertIntervalSeconds * 1_000,
  });
  opened.push(() => watching.close());
}

/** The channel that the mail settings make. */
function channelsOf({ alertMailTo: to }: Config): readonly AlertChannel[] {
  if (to.length === 0) return [];
  const rest = { url: undefined, secret: undefined, enabled: true, createdAt: 0 };
  return [{ id: 'mail', name: 'Mail', kind: 'mail', to, ...rest }];
}

function createSender(config: Config, version: string): AlertSender {
  const { smtpUrl, mailFrom } = config;
  const mailer =
    smtpUrl === undefined ? undefined : createSmtpMailer({ url: smtpUrl, from: mailFrom, timeoutMs: TIMEOUT_MS });
  const http = createGuardedPost({
    allowedHosts: config.webhookAllowedHosts,
    timeoutMs: TIMEOUT_MS,
    userAgent: `imagemill/${version}`,
  });
  return createAlertSender({
    installation: config.installationName ?? hostname(),
    language: config.alertLanguage,
    ...{ mailer, http, now: () => systemClock.now() },
  });
}

function createSample(
  { store, metrics, disk, devices }: AlertParts,
  opened: (() => Promise<void> | void)[],
): WatchAlertsPorts['sample'] {
  let succeeded = 0;
  let failed = 0;
  opened.push(
    store.onWritten(({ type }) => {
      if (type === 'job.succeeded') succeeded += 1;
      else if (type === 'job.failed') failed += 1;
    }),
  );
  let failedMessages = 0;
  opened.push(
    metrics.onMessage(({ isDelivered }) => {
      if (!isDelivered) failedMessages += 1;
    }),
  );
  const clockJump = createClockJump({ wall: () => Date.now(), monotonic: () => performance.now() });
  return async () => {
    const free = await disk.freeBytes().catch(() => null);
    const taken = { succeeded, failed, failedMessages };
    [succeeded, failed, failedMessages] = [0, 0, 0];
    return {
      ...taken,
      devices: devices().map(({ sample, status }) => ({
        device: sample.device,
        utilization: sample.utilization ?? null,
        isReady: status.state === 'ready',
        memory: sample.memory && { totalBytes: sample.memory.totalBytes, freeBytes: sample.memory.freeBytes },
      })),
      freeDiskBytes: free,
      clockJumpMs: clockJump(),
    };
  };
}

function countSent(sender: AlertSender, metrics: Metrics): AlertSender {
  return {
    problemOf: (channel) => sender.problemOf(channel),
    async send(channel, notice, signal) {
      const problem = await sender.send(channel, notice, signal);
      metrics.messageSent({ channel: channel.kind === 'mail' ? 'mail' : 'chat', isDelivered: problem === undefined });
      return problem;
    },
  };
}

const TIMEOUT_MS = 15_000;
