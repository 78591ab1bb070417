/** The HTTP side of the wiring: every use case that a route calls. */

import { fileURLToPath } from 'node:url';
import { LIMITS } from '@imagemill/api';
import { createApp } from '../adapters/http/app.ts';
import type { App } from '../adapters/http/app-type.ts';
import type { HttpPorts } from '../adapters/http/ports.ts';
import type { AlertRoutePorts } from '../adapters/http/routes/alerts.ts';
import { loopbackHosts } from '../adapters/http/security.ts';
import { randomSeeds } from '../adapters/id-source.ts';
import { createCheckPicture } from '../adapters/pictures/check-picture.ts';
import { maskOfAlpha } from '../adapters/pictures/mask-of-alpha.ts';
import { hashOfBytes, pictureFiles } from '../adapters/provenance/picture-file.ts';
import type { RecordStore } from '../adapters/sql/sql-store.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import type { OtlpTraces } from '../adapters/telemetry/otlp-traces.ts';
import type { AssetUrls } from '../application/asset-urls.ts';
import { createCancelGeneration } from '../application/cancel-generation.ts';
import { createCancelJob } from '../application/cancel-job.ts';
import type { Engines } from '../application/cluster-engines.ts';
import { createControlQueue, createGetQueue } from '../application/control-queue.ts';
import type { CostBook } from '../application/cost-book.ts';
import { createDiagnose, type Diagnose } from '../application/doctor.ts';
import { createGetAsset } from '../application/get-asset.ts';
import { createGetGeneration } from '../application/get-generation.ts';
import { createGetJob } from '../application/get-job.ts';
import { createGetSystem } from '../application/get-system.ts';
import type { IncidentBook } from '../application/incidents.ts';
import { createInspectPicture } from '../application/inspect-picture.ts';
import { createJoinGeneration } from '../application/join-generation.ts';
import { createListDeadLetters } from '../application/list-dead-letters.ts';
import { createListGenerations } from '../application/list-generations.ts';
import { createListPictures } from '../application/list-pictures.ts';
import type { LoraLibrary } from '../application/lora-ports.ts';
import { createManageModels } from '../application/manage-models.ts';
import { createManageTemplates } from '../application/manage-templates.ts';
import type { ManageWebhooks } from '../application/manage-webhooks.ts';
import { createMarkPictures } from '../application/mark-pictures.ts';
import type { Clock, Disk, IdSource, Logger, PictureStore } from '../application/ports.ts';
import { createReadEvents } from '../application/read-events.ts';
import { createRedriveJobs } from '../application/redrive-jobs.ts';
import { createSetPriority } from '../application/set-priority.ts';
import { createSubmitGeneration, type SubmitGeneration } from '../application/submit-generation.ts';
import { createUploadAsset, type UploadAsset } from '../application/upload-asset.ts';
import { effectiveSettings } from '../config/effective-settings.ts';
import { type Config, isLoopback } from '../config/load.ts';
import { AppError } from '../domain/errors.ts';
import type { JobId, TenantId } from '../domain/ids.ts';
import type { AccessParts } from './compose-access.ts';
import { composeBulks } from './compose-bulks.ts';
import { tenantLabelPolicies } from './compose-labels.ts';
import { composeModelActivities } from './compose-models.ts';
import { composeOrders } from './compose-orders.ts';
import { composeQualityRoutes } from './compose-quality.ts';
import { composeSdapi } from './compose-sdapi.ts';
import type { InstalledCatalog } from './find-models.ts';
import { pictureLinkOrigin } from './open-pictures.ts';
import type { Cluster } from './open-records.ts';

export interface HttpParts {
  readonly store: RecordStore;
  readonly cluster: Cluster | undefined;
  readonly pictures: PictureStore;
  readonly assetUrls: AssetUrls;
  readonly models: InstalledCatalog;
  readonly loras: LoraLibrary;
  readonly access: AccessParts;
  readonly webhooks: ManageWebhooks;
  readonly costs: CostBook;
  readonly disk: Disk;
  readonly engines: Engines;
  /** Tells whoever draws a job that it was cancelled. */
  readonly notifyCancel: (id: JobId) => void;
  readonly wakeWorkers: () => void;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  readonly metrics: Metrics;
  readonly whyNotReady: HttpPorts['whyNotReady'];
  readonly alerts: AlertRoutePorts;
  readonly incidents: IncidentBook;
  readonly traces: OtlpTraces | undefined;
  /** Whether nothing new is accepted any more. */
  readonly isDraining: () => boolean;
}

const pageFolder = fileURLToPath(new URL('../../../web/dist', import.meta.url));

export async function createHttp(config: Config, parts: HttpParts): Promise<App> {
  const { store, models, loras, access, costs, disk, engines, whyNotReady, ids, clock, log, isDraining } = parts;
  const submit = createSubmit(config, parts);
  const cancelPorts = { store, clock, ids, notifyCancel: parts.notifyCancel };
  const uploads = { uploadAsset: createUpload(config, parts), maxUploadBytes: config.maxUploadBytes };
  const { disconnectGraceMs: graceMs } = config;
  const engineStatus = () => engines.list();
  const weightOf = weightsIn(access);
  const redrivePorts = { store, clock, ids, weightOf, limitsOf: access.limitsOf };
  const submitGeneration: SubmitGeneration = (input) => (isDraining() ? Promise.reject(shuttingDown()) : submit(input));
  const cancelGeneration = createCancelGeneration(cancelPorts);
  const bulkParts = composeBulks(config, { ...parts, submit: submitGeneration, cancelGeneration });
  const { stop: stopOrders, ...orderParts } = await composeOrders(config, {
    ...parts,
    ...{ submit: submitGeneration, cancelGeneration, ...uploads },
  });
  const joinGeneration = createJoinGeneration({ store, clock, submit: submitGeneration });
  const { pictures, assetUrls } = parts;
  const app = await createApp(
    {
      submitGeneration,
      getGeneration: createGetGeneration({ store }),
      listGenerations: createListGenerations({ store }),
      cancelGeneration,
      getJob: createGetJob({ store, costs, serves: (model) => engines.serves?.(model) ?? true }),
      cancelJob: createCancelJob(cancelPorts),
      setPriority: createSetPriority(redrivePorts),
      getQueue: createGetQueue({ store }),
      controlQueue: createControlQueue({ store, clock, ids, wake: parts.wakeWorkers }),
      listDeadLetters: createListDeadLetters({ store }),
      redriveJobs: createRedriveJobs(redrivePorts),
      getAsset: createGetAsset({ store }),
      inspectPicture: createInspectPicture({ store, files: pictureFiles, hash: hashOfBytes }),
      ...modelPorts(config, parts),
      getSystem: createGetSystem({ store, disk, clock, engines: engineStatus }),
      readEvents: createReadEvents({ store, feed: store.feed }),
      stepOf: (id) => store.feed.stepOf(id),
      pictureRoutes: pictureRoutes(parts),
      qualityRoutes: composeQualityRoutes(config, { ...redrivePorts, ids, assetUrls, submit: submitGeneration }),
      uploads,
      sdapi: composeSdapi(config, { store, policies: tenantLabelPolicies(config, access.book) }),
      openAi: { ...uploads, ...orderParts, joinGeneration, maskOfAlpha, graceMs, maxFileBytes: config.maxBulkBytes },
      loraRoutes: { loras, maxLoraBytes: config.maxLoraBytes },
      templateRoutes: { templates: createManageTemplates({ ...parts, most: LIMITS.templates }) },
      bulkRoutes: { bulks: bulkParts.bulks, pictures, assetUrls, maxBulkBytes: config.maxBulkBytes },
      webhookRoutes: { webhooks: parts.webhooks },
      metrics: routeMetrics(parts),
      ...{ alertRoutes: parts.alerts, operationRoutes: operationRoutes(parts) },
      diagnose: composeDiagnose(parts),
      authentication: access.authentication,
      administration: access.administration,
      sessionRoutes: access.sessionRoutes,
      ...{ pictures, assetUrls, models, engineStatus, whyNotReady, ids, clock, log },
    },
    {
      version: parts.version,
      bodyLimitBytes: config.bodyLimitBytes,
      hosts: acceptedHosts(config),
      pageFolder,
      pictureOrigin: pictureLinkOrigin(config),
      trustedProxies: config.trustedProxies,
    },
  );
  app.addHook('onClose', bulkParts.stop);
  app.addHook('onClose', stopOrders);
  return app;
}

/** Models in memory and on disk, and the settings that they follow from. */
function modelPorts(
  config: Config,
  parts: HttpParts,
): Pick<HttpPorts, 'manageModels' | 'modelActivities' | 'settings'> {
  const { engines, models, log } = parts;
  return {
    manageModels: createManageModels({ engine: engines.models, models, log }),
    modelActivities: composeModelActivities(config, parts),
    settings: effectiveSettings(config),
  };
}

function pictureRoutes({ store, clock, pictures, assetUrls }: HttpParts): HttpPorts['pictureRoutes'] {
  const { gallery } = store;
  const listPictures = createListPictures({ gallery });
  return { listPictures, markPictures: createMarkPictures({ store, clock }), gallery, pictures, assetUrls };
}

function operationRoutes({ store, engines, clock }: HttpParts): HttpPorts['operationRoutes'] {
  return {
    workers: () => engines.workers(),
    runningByWorker: () => store.queue.runningByWorker(),
    history: (since) => store.alerts.history(since),
    now: () => clock.now(),
  };
}

function composeDiagnose({ store, clock, disk, models, incidents, alerts, engines }: HttpParts): Diagnose {
  return createDiagnose({
    ...{ store, clock, disk, models, incidents },
    engines: () => engines.list(),
    hasChannels: async () => (await alerts.alerts.channels()).some(({ enabled }) => enabled),
  });
}

function routeMetrics({ metrics, traces }: HttpParts): HttpPorts['metrics'] {
  return {
    read: () => metrics.read(),
    contentType: metrics.contentType,
    requestAnswered(answer) {
      metrics.requestAnswered(answer);
      const generationId = /^\/v1\/generations\/([\w-]+)$/.exec(answer.location ?? '')?.[1];
      const { seconds } = answer;
      if (generationId === undefined || seconds === undefined) return;
      traces?.requestAnswered({ ...answer, seconds, generationId });
    },
  };
}

function createSubmit(config: Config, parts: HttpParts): SubmitGeneration {
  const { store, models, loras, disk, clock, ids, costs, access } = parts;
  return createSubmitGeneration({
    ...{ store, models, loras, disk, clock, ids, costs },
    seeds: randomSeeds,
    weightOf: weightsIn(access),
    limitsOf: access.limitsOf,
    oversize: config.oversize,
    maxAttempts: config.maxAttempts,
    backOffMs: config.retryPauseMs,
    idempotencyMs: config.idempotencyHours * 3_600_000,
  });
}

/** Shares of tenants in the queue, as of the last look at their records. */
function weightsIn({ book }: AccessParts): (tenant: TenantId) => number {
  return (tenant) => book.tenant(tenant)?.weight ?? 1;
}

function createUpload(config: Config, { store, pictures, disk, clock, ids }: HttpParts): UploadAsset {
  const checkPicture = createCheckPicture({ maxPixels: config.maxUploadPixels });
  return createUploadAsset({ store, pictures, disk, clock, ids, checkPicture });
}

function acceptedHosts(config: Config): ReadonlySet<string> | undefined {
  if (!isLoopback(config.host) && config.allowedHosts.length === 0) return undefined;
  const own = config.host.includes(':') ? `[${config.host}]` : config.host;
  return new Set([...loopbackHosts, own, ...config.allowedHosts].map((host) => host.toLowerCase()));
}

function shuttingDown(): AppError {
  return new AppError('shutting_down', 'The server is shutting down and accepts nothing new.');
}
