import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMetricsListener } from '../adapters/http/routes/metrics.ts';
import { createLogger } from '../adapters/telemetry/logger.ts';
import type { EngineStatus } from '../application/engine-port.ts';
import type { Logger } from '../application/ports.ts';
import type { Config } from '../config/load.ts';
import { StartupError } from '../config/startup-error.ts';
import { compose, type Parts } from './compose.ts';
import { untilToldToStop } from './shutdown.ts';

export interface RunningServer {
  /** `http://127.0.0.1:7860` */
  readonly url: string;
  /** Where the metrics are served alone; undefined when the settings name no port for it. */
  readonly metricsUrl: string | undefined;
  /** What it found at the start, for people: one fact a line. */
  readonly summary: readonly string[];
  /** How the engine is doing now. */
  readonly engine: EngineStatus;
  /** Lets pictures under way end for a while, hands the rest back to the queue, and gives everything back. */
  close(): Promise<void>;
}

/**
 * Starts API, page, queue and worker in this process, and an engine in another one. What an earlier server left
 * undone is taken up.
 *
 * @throws StartupError with one sentence that says what to do
 */
export async function startServer(config: Config, options: { readonly log?: Logger } = {}): Promise<RunningServer> {
  const log = options.log ?? defaultLog(config);
  const parts = await compose(config, { version: VERSION, log });
  let url: string;
  try {
    await parts.app.listen({ host: config.host, port: config.port });
    url = urlOf(config.host, parts.app.server);
  } catch (error) {
    await parts.close();
    throw listenError(error, config);
  }
  const metrics = await listenForMetrics(config, parts);
  const summary = await summarize(url, config, parts);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await parts.drain();
    metrics?.server.close();
    metrics?.server.closeAllConnections();
    await parts.close();
  };
  return {
    url,
    summary: metrics === undefined ? summary : [...summary, `  metrics  ${metrics.url}/metrics`],
    metricsUrl: metrics?.url,
    get engine() {
      return parts.engine.status;
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/**
 * Runs a server until the process is told to stop (SIGINT, SIGTERM, with `withParent` also the end of the parent
 * process); then drains it. A second signal ends the process
 * at once; nothing that was accepted is lost by that.
 *
 * @throws StartupError with one sentence that says what to do
 */
export async function serve(config: Config, { withParent }: { readonly withParent: boolean }): Promise<void> {
  const log = defaultLog(config);
  const server = await startServer(config, { log });
  // Before the line that says it is ready: whoever reads that may stop it at once.
  const toldToStop = untilToldToStop({ withParent });
  process.stdout.write(`${server.summary.join('\n')}\n`);
  const reason = await toldToStop;
  log.info({ reason }, 'stopping: pictures under way may end, what waits is kept for the next start');
  await server.close();
}

function defaultLog(config: Config): Logger {
  const isForPeople = process.stderr.isTTY === true;
  return createLogger({ level: config.logLevel, stream: process.stderr, isForPeople });
}

/** @throws StartupError `port_in_use`, `port_unusable` */
async function listenForMetrics(
  { metricsHost: host, metricsPort: port }: Config,
  { metrics, close }: Parts,
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

async function summarize(url: string, config: Config, { store, models }: Parts): Promise<string[]> {
  const { queued } = await store.countJobs();
  const lines = [`Imagemill ${VERSION} listens on ${url}`];
  for (const [index, entry] of models.list().entries()) {
    if (entry.kind === 'unusable') lines.push(`  model    ${entry.name} cannot be used: ${entry.problem}`);
    else {
      const { name, nativeWidth, nativeHeight, path } = entry.facts;
      lines.push(`  model    ${name}, ${nativeWidth} × ${nativeHeight}${index === 0 ? ', default' : ''} (${path})`);
    }
  }
  lines.push(`  device   ${config.device}, ${config.slots} pictures at once`, `  data     ${config.dataDir}`);
  if (queued > 0) lines.push(`  queue    ${queued} pictures wait from before`);
  return lines;
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
