import type { Socket } from 'node:net';
import fastify from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { App } from './app-type.ts';
import { addAuthentication } from './authentication.ts';
import { addNotFound } from './known-routes.ts';
import { createOpenAiErrorHandler, isOpenAiPath, MalformedRequest } from './openai/errors.ts';
import { addOpenAiRoutes } from './openai/routes.ts';
import { addOpenApi } from './openapi.ts';
import { addPage } from './page.ts';
import type { HttpPorts } from './ports.ts';
import { answerBrokenRequest, createErrorHandler, pathOf, sendProblem } from './problem.ts';
import { addAdministrationRoutes } from './routes/administration.ts';
import { addAlertRoutes } from './routes/alerts.ts';
import { addAssetRoutes } from './routes/assets.ts';
import { addBulkRoutes } from './routes/bulks.ts';
import { addDoctorRoute } from './routes/doctor.ts';
import { addEventRoutes } from './routes/events.ts';
import { addGenerationRoutes } from './routes/generations.ts';
import { addInspectRoute } from './routes/inspect.ts';
import { addJobRoutes } from './routes/jobs.ts';
import { addLoraRoutes } from './routes/loras.ts';
import { addMcpRoute } from './routes/mcp.ts';
import { addMetrics } from './routes/metrics.ts';
import { addModelActivityRoutes } from './routes/model-activities.ts';
import { addModelRoutes } from './routes/models.ts';
import { addOperationRoutes } from './routes/operation.ts';
import { addPictureRoutes } from './routes/pictures.ts';
import { addDeadLetterRoutes, addQueueRoutes } from './routes/queue.ts';
import { addQualityRoutes } from './routes/reviews.ts';
import { addSessionRoutes } from './routes/session.ts';
import { addSettingsRoute } from './routes/settings.ts';
import { addSystemRoutes } from './routes/system.ts';
import { addTemplateRoutes } from './routes/templates.ts';
import { addUploadRoute } from './routes/upload-asset.ts';
import { addWebhookRoutes } from './routes/webhooks.ts';
import { addSdapiRoutes } from './sdapi/routes.ts';
import { addSecurity, setHeaders } from './security.ts';
import { validatorCompiler } from './validation.ts';

export interface AppOptions {
  readonly version: string;
  readonly bodyLimitBytes: number;
  /** Names that a Host header may have, lower case, without port; undefined accepts any. */
  readonly hosts: ReadonlySet<string> | undefined;
  /** Addresses whose X-Forwarded-For and X-Forwarded-Proto are believed. @default none */
  readonly trustedProxies?: readonly string[];
  /** Origin that browsers are sent to for pictures. @default this server */
  readonly pictureOrigin?: string | undefined;
  /** Folder of the built page. */
  readonly pageFolder: string;
  /** Time for a request to arrive in full. @default 30000 */
  readonly requestTimeoutMs?: number;
}

/** The HTTP API and the page over the use cases. Not listening yet: tests may `inject` requests. */
export async function createApp(ports: HttpPorts, options: AppOptions): Promise<App> {
  const app = fastify({
    bodyLimit: options.bodyLimitBytes,
    trustProxy: (options.trustedProxies ?? []).length === 0 ? false : [...(options.trustedProxies ?? [])],
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    keepAliveTimeout: 65_000,
    routerOptions: { maxParamLength: 200 },
    genReqId: (request) => requestId(request.headers['x-request-id']) ?? ports.ids.next(),
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, () => ports.ids.next()),
    // A path that cannot be decoded gets here before any hook.
    frameworkErrors: (_error, request, reply) => {
      setHeaders(request, reply);
      const isOpenAi = isOpenAiPath(pathOf(request.url));
      if (isOpenAi) createOpenAiErrorHandler(ports.log)(new MalformedRequest(), request, reply);
      else void sendProblem(request, reply, { code: 'malformed_request' });
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(createErrorHandler(ports.log));
  acceptOnlyJson(app);
  addNotFound(app);
  addSecurity(app, options.hosts);
  addAuthentication(app, ports.authentication);
  app.addHook('onResponse', async (request, reply) => {
    const { method, url, id } = request;
    const ms = Math.round(reply.elapsedTime);
    ports.log.debug(
      { requestId: id, method, url: url.replace(SIGNATURE, '$1…'), status: reply.statusCode, ms },
      'answered',
    );
  });

  addMetrics(app, ports.metrics);
  closeConnectionsOnClose(app);
  await addOpenApi(app, options.version);
  addGenerationRoutes(app, ports);
  addEventRoutes(app, ports);
  addJobRoutes(app, ports);
  addQueueRoutes(app, ports);
  addDeadLetterRoutes(app, ports);
  addAssetRoutes(app, ports);
  addInspectRoute(app, ports);
  addUploadRoute(app, ports);
  addOpenAiRoutes(app, ports);
  addModelRoutes(app, ports);
  addModelActivityRoutes(app, ports.modelActivities);
  addSettingsRoute(app, ports.settings);
  addLoraRoutes(app, ports.loraRoutes);
  addBulkRoutes(app, ports.bulkRoutes);
  addTemplateRoutes(app, ports.templateRoutes);
  addWebhookRoutes(app, ports.webhookRoutes);
  addAlertRoutes(app, ports.alertRoutes);
  addOperationRoutes(app, ports.operationRoutes);
  addDoctorRoute(app, ports.diagnose, options.version);
  addPictureRoutes(app, ports.pictureRoutes);
  addQualityRoutes(app, ports.qualityRoutes);
  addAdministrationRoutes(app, ports.administration);
  addMcpRoute(app, options.version);
  addSessionRoutes(app, { ...ports.authentication, ...ports.sessionRoutes, administration: ports.administration });
  addSystemRoutes(app, ports, options.version);
  addSdapiRoutes(app, ports, options.version);
  await addPage(app, options.pageFolder, options.pictureOrigin);
  return app;
}

/**
 * Lets a close end soon. Connections that never sent a request (browsers open some ahead) are cut, those whose last
 * answer ends after the order to close are closed as they fall idle, and whatever is left after a moment is cut.
 */
function closeConnectionsOnClose(app: App): void {
  const { server } = app;
  const unused = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('request', ({ socket }) => unused.delete(socket));
  app.addHook('preClose', async () => {
    const closeIdle = setInterval(() => {
      for (const socket of unused) socket.destroy();
      server.closeIdleConnections();
    }, CLOSE_POLL_MS);
    const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    server.once('close', () => {
      clearInterval(closeIdle);
      clearTimeout(cut);
    });
  });
}

/** JSON or nothing: an empty body is no body, and any other type is refused before it is read. */
function acceptOnlyJson(app: App): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parse(request, body as string, done);
  });
}

/** The caller's own id for a request, if it is one that can stand in a log line. */
function requestId(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[\w.:-]{1,64}$/.test(header) ? header : undefined;
}

/** What opens a picture does not belong into a log. */
const SIGNATURE = /([?&]signature=)[^&]*/;
const CLOSE_POLL_MS = 10;
const CLOSE_GRACE_MS = 2_000;
