import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMetricsListener } from '../adapters/http/routes/metrics.ts';
import { createWorkerApp } from '../adapters/http/worker-app.ts';
import { createLogger } from '../adapters/telemetry/logger.ts';
import type { EngineStatus } from '../application/engine-port.ts';
import type { Logger } from '../application/ports.ts';
import { type NotReady, whyStoreIsNotReady } from '../application/readiness.ts';
import type { Config } from '../config/load.ts';
import { StartupError } from '../config/startup-error.ts';
import {
  type ApiParts,
  type AttendantParts,
  compose,
  composeApi,
  composeDispatcher,
  composeScaler,
  composeWorker,
  type WorkerParts,
  whyDrawerIsNotReady,
} from './compose.ts';
import { scalePolicy } from './compose-scaler.ts';
import { sharedFolder } from './open-records.ts';
import { type StopReason, untilToldToStop } from './shutdown.ts';

/**
 * A process of a cluster: `api` answers and draws nothing, `worker` draws and answers no API, `dispatcher` lays jobs out
 * for the workers, `scaler` starts and ends workers of its machine.
 */
export type Role = 'api' | 'worker' | 'dispatcher' | 'scaler';

export interface RunningProcess {
  /** `http://127.0.0.1:7860` */
  readonly url: string;
  /** Where the metrics are served alone; undefined when the settings name no port for it. */
  readonly metricsUrl: string | undefined;
  /** What it found at the start, for people: one fact a line. */
  readonly summary: readonly string[];
  /** Lets pictures under way end for a while, hands the rest back to the queue, and gives everything back. */
  close(): Promise<void>;
}

export interface RunningServer extends RunningProcess {
  /** How the engine is doing now. */
  readonly engine: EngineStatus;
}

interface StartOptions {
  readonly log?: Logger;
}

/**
 * Starts API, page, queue and worker in this process, and an engine in another one. What an earlier server left
 * undone is taken up.
 *
 * @throws StartupError with one sentence that says what to do
 */
export async function startServer(
  config: Config,
  { log = defaultLog(config) }: StartOptions = {},
): Promise<RunningServer> {
  const parts = await compose(config, { version: VERSION, log });
  const running = await startApp(config, parts);
  return {
    ...running,
    get engine() {
      return parts.engine.status;
    },
  };
}

/**
 * Starts one process of a cluster, on records and pictures that it shares with the others.
 *
 * @throws StartupError with one sentence that says what to do
 */
export async function startRole(
  role: Role,
  config: Config,
  { log = defaultLog(config) }: StartOptions = {},
): Promise<RunningProcess> {
  if (role === 'api') return startApp(config, await composeApi(config, { version: VERSION, log }));
  if (role === 'dispatcher' || role === 'scaler') return startAttendant(role, config, log);
  const parts = await composeWorker(config, { version: VERSION, log });
  return startHealth(config, parts, {
    whyNotReady: () => whyDrawerIsNotReady(config, parts),
    summary: (url) => summarize(url, config, parts),
  });
}

async function startAttendant(role: 'dispatcher' | 'scaler', config: Config, log: Logger): Promise<RunningProcess> {
  const openParts = role === 'dispatcher' ? composeDispatcher : composeScaler;
  const parts = await openParts(config, { version: VERSION, log });
  const summary = (url: string): string[] => [
    `Imagemill ${VERSION} listens on ${url}`,
    `  work     ${role === 'dispatcher' ? 'lays jobs out for the workers of the cluster' : wordsOfScaler(config)}`,
    `  data     ${recordsOf(config)}`,
  ];
  return startHealth(config, parts, { whyNotReady: () => whyStoreIsNotReady(parts.store), summary });
}

function wordsOfScaler(config: Config): string {
  const { minWorkers, maxWorkers, queueAbove } = scalePolicy(config);
  return `runs ${minWorkers} to ${maxWorkers} workers of this machine, one more when over ${queueAbove} jobs wait`;
}

/** What a process without an API answers to those who watch it. */
async function startHealth(
  { host, workerPort: port }: Config,
  parts: WorkerParts | AttendantParts,
  says: {
    readonly whyNotReady: () => Promise<NotReady | undefined>;
    readonly summary: (url: string) => string[] | Promise<string[]>;
  },
): Promise<RunningProcess> {
  const server = createWorkerApp({ whyNotReady: says.whyNotReady, metrics: parts.metrics });
  await orGiveBack(parts, { host, port }, async () => {
    server.listen(port, host);
    await once(server, 'listening');
  });
  const url = urlOf(host, server);
  return { url, metricsUrl: `${url}/metrics`, summary: await says.summary(url), close: closeOnce(parts, server) };
}

async function startApp(config: Config, parts: ApiParts): Promise<RunningProcess> {
  await orGiveBack(parts, config, () => parts.app.listen({ host: config.host, port: config.port }));
  const url = urlOf(config.host, parts.app.server);
  const metrics = await listenForMetrics(config, parts);
  const summary = await summarize(url, config, parts);
  return {
    url,
    summary: metrics === undefined ? summary : [...summary, `  metrics  ${metrics.url}/metrics`],
    metricsUrl: metrics?.url,
    close: closeOnce(parts, metrics?.server),
  };
}

/**
 * Runs a process until it is told to stop (SIGINT, SIGTERM, with `withParent` also the end of the parent process); then
 * drains it. A second signal ends the process at once; nothing that was accepted is lost by that.
 *
 * @param options.role of a process in a cluster; without it the process does everything
 * @param options.toldToStop when it is to stop, for who must know that from before the start on
 * @throws StartupError with one sentence that says what to do
 */
export async function serve(config: Config, options: ServeOptions): Promise<void> {
  const { withParent, role } = options;
  const log = defaultLog(config);
  const server = role === undefined ? await startServer(config, { log }) : await startRole(role, config, { log });
  // Before the line that says it is ready: whoever reads that may stop it at once.
  const toldToStop = options.toldToStop ?? untilToldToStop({ withParent });
  process.stdout.write(`${server.summary.join('\n')}\n`);
  const reason = await toldToStop;
  log.info({ reason }, 'stopping: pictures under way may end, what waits is kept for the next start');
  await server.close();
}

interface ServeOptions {
  readonly withParent: boolean;
  readonly role?: Role | undefined;
  readonly toldToStop?: Promise<StopReason> | undefined;
}

interface Closable {
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** @throws StartupError `port_in_use`, `port_unusable` */
async function orGiveBack(parts: Closable, where: Pick<Config, 'host' | 'port'>, listen: () => Promise<unknown>) {
  try {
    await listen();
  } catch (error) {
    await parts.close();
    throw listenError(error, where);
  }
}

function closeOnce(parts: Closable, server: Server | undefined): () => Promise<void> {
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await parts.drain();
    server?.close();
    server?.closeAllConnections();
    await parts.close();
  };
  return () => {
    closing ??= close();
    return closing;
  };
}

function defaultLog(config: Config): Logger {
  const isForPeople = process.stderr.isTTY === true;
  return createLogger({ level: config.logLevel, stream: process.stderr, isForPeople });
}

/** @throws StartupError `port_in_use`, `port_unusable` */
async function listenForMetrics(
  { metricsHost: host, metricsPort: port }: Config,
  { metrics, close }: ApiParts,
): Promise<{ readonly server: Server; readonly url: string } | undefined> {
  if (port === undefined) return undefined;
  const server = createMetricsListener(metrics);
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    await close();
    throw listenError(error, { host, port }, '--metrics-port');
  }
  return { server, url: urlOf(host, server) };
}

function urlOf(host: string, server: Server): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function summarize(
  url: string,
  config: Config,
  { store, models, engine }: Pick<ApiParts, 'store' | 'models'> & { readonly engine?: unknown },
): Promise<string[]> {
  const { queued } = await store.countJobs();
  const lines = [`Imagemill ${VERSION} listens on ${url}`];
  for (const [index, entry] of models.list().entries()) {
    if (entry.kind === 'unusable') lines.push(`  model    ${entry.name} cannot be used: ${entry.problem.message}`);
    else {
      const { name, nativeWidth, nativeHeight, path } = entry.facts;
      lines.push(`  model    ${name}, ${nativeWidth} × ${nativeHeight}${index === 0 ? ', default' : ''} (${path})`);
    }
  }
  lines.push(
    engine === undefined
      ? '  device   none: workers of the cluster draw'
      : `  device   ${config.device}, ${config.slots} pictures at once`,
  );
  lines.push(config.databaseUrl === undefined ? `  data     ${config.dataDir}` : `  data     ${placeOf(config)}`);
  if (queued > 0) lines.push(`  queue    ${queued} pictures wait from before`);
  return lines;
}

/** Where records and pictures are, without the secrets of the way there. */
function placeOf(config: Config): string {
  return `${recordsOf(config)}, pictures in ${config.s3Endpoint ?? sharedFolder(config)}`;
}

function recordsOf({ databaseUrl = '', redisUrl }: Config): string {
  const { host, pathname } = new URL(databaseUrl);
  const carrier = redisUrl === undefined ? '' : `, jobs carried by Redis at ${new URL(redisUrl).host}`;
  return `PostgreSQL at ${host}${pathname}${carrier}`;
}

function listenError(error: unknown, { host, port }: Pick<Config, 'host' | 'port'>, option = '--port'): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const where = `${host}:${port}`;
  if (code === 'EADDRINUSE') {
    const message = `Another program listens on ${where}. Stop it, or choose another port with ${option}.`;
    return new StartupError('port_in_use', message, { details: { host, port }, cause: error });
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    const message = `The system does not let the server listen on ${where} (${code}). Choose another with --host or --port.`;
    return new StartupError('port_unusable', message, { details: { host, port }, cause: error });
  }
  return error;
}

const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
