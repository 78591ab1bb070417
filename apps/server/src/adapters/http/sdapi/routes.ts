/**
 * The API of AUTOMATIC1111's web UI (`/sdapi/v1`), so that its scripts and clients draw here unchanged: same queue,
 * same tenants, same quotas; the key is the password of Basic, or a Bearer token. docs/a1111.md says what differs.
 */
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { App } from '../app-type.ts';
import type { HttpPorts } from '../ports.ts';
import { tenantOf } from '../tenant.ts';
import { type DrawPorts, draw } from './draw.ts';
import { createSdapiErrorHandler } from './errors.ts';
import { addExtraRoutes } from './extras.ts';
import { planFromPictures } from './img2img.ts';
import { addInternalRoutes } from './internal.ts';
import { type Drawing, KeyStates } from './key-state.ts';
import { addListRoutes } from './lists.ts';
import { addOptionRoutes, changeOptions, type OptionPorts, optionsOf } from './options.ts';
import type { PictureWork } from './pictures-port.ts';
import { planGeneration } from './plan.ts';
import { progressOf, shareOf } from './progress.ts';
import {
  type ClientOptionValues,
  type DrawingRequest,
  img2imgSchema,
  internalProgressSchema,
  progressQuerySchema,
  txt2imgSchema,
} from './request.ts';

/** What this door needs beside the use cases of all. */
export interface SdapiPorts extends Omit<OptionPorts, 'models'> {
  readonly work: PictureWork;
}

/** A body may hold pictures in base64. */
const BODY_BYTES = 67_108_864;
const hide = { hide: true } as const;

export function addSdapiRoutes(app: App, ports: HttpPorts, version: string): void {
  const states = new KeyStates();
  const drawPorts = { ...ports, states, software: `Imagemill ${version}` };
  const door: FastifyPluginAsync = async (scope) => {
    scope.setErrorHandler(createSdapiErrorHandler(ports.log));
    scope.addHook('onSend', async (_request, reply) => {
      reply.header('x-process-time', (reply.elapsedTime / 1_000).toFixed(4));
    });
    const routes = scope as unknown as App;
    addDrawRoutes(routes, drawPorts);
    addStateRoutes(routes, { ...ports, states, findOptions: ports.sdapi.findOptions });
    addOptionRoutes(routes, { ...ports.sdapi, models: ports.models });
    addExtraRoutes(routes, { work: ports.sdapi.work, bodyLimit: BODY_BYTES });
    addInternalRoutes(routes, drawPorts.software);
    addListRoutes(routes, { ...ports, loras: ports.loraRoutes.loras });
  };
  void app.register(door);
}

function addDrawRoutes(app: App, ports: DrawPorts & Pick<HttpPorts, 'sdapi' | 'uploads'>): void {
  const { sdapi, uploads, models, states } = ports;
  app.post(
    '/sdapi/v1/txt2img',
    { config: { permission: 'generations:write' }, bodyLimit: BODY_BYTES, schema: { ...hide, body: txt2imgSchema } },
    async (request) => {
      const { body } = request;
      const options = await optionsFor(request, body, ports);
      const asked = planGeneration(body, { models, options });
      const drawn = await draw(request, [{ asked }], { ...ports, states }, drawOptionsOf(body));
      return { images: drawn.images, parameters: body, info: drawn.info };
    },
  );

  app.post(
    '/sdapi/v1/img2img',
    { config: { permission: 'generations:write' }, bodyLimit: BODY_BYTES, schema: { ...hide, body: img2imgSchema } },
    async (request) => {
      const { body } = request;
      const options = await optionsFor(request, body, ports);
      const sources = { uploadAsset: uploads.uploadAsset, work: sdapi.work };
      const plans = await planFromPictures(request, body, { models, options }, sources);
      const drawn = await draw(request, plans, { ...ports, states }, drawOptionsOf(body));
      const parameters = body.include_init_images === true ? body : { ...body, init_images: null, mask: null };
      return { images: drawn.images, parameters, info: drawn.info };
    },
  );
}

/** Options of the key with those that the request sets for itself, or for good when it says so. */
async function optionsFor(
  request: FastifyRequest,
  { override_settings: own, override_settings_restore_afterwards: isForItself }: DrawingRequest,
  { sdapi, models }: Pick<HttpPorts, 'sdapi' | 'models'>,
): Promise<ClientOptionValues> {
  if (own != null && isForItself === false) await changeOptions(request, own, { ...sdapi, models });
  const given = Object.entries(own ?? {}).filter(([, value]) => value != null);
  return { ...(await optionsOf(request, sdapi)), ...Object.fromEntries(given) };
}

function drawOptionsOf({ force_task_id: taskId, send_images: sendsImages }: DrawingRequest) {
  return { taskId: taskId ?? undefined, sendsImages: sendsImages ?? true };
}

type StatePorts = Pick<HttpPorts, 'cancelGeneration' | 'cancelJob' | 'getGeneration' | 'clock' | 'log'> & {
  readonly states: KeyStates;
  readonly findOptions: OptionPorts['findOptions'];
};

function addStateRoutes(app: App, ports: StatePorts): void {
  const { states, clock } = ports;
  const read = { config: { permission: 'generations:read' as const } };
  const write = { config: { permission: 'generations:write' as const }, schema: hide };

  app.get('/sdapi/v1/progress', { ...read, schema: { ...hide, querystring: progressQuerySchema } }, async (request) => {
    const { live_previews_enable: showsPreviews = true } = await optionsOf(request, ports);
    const withImage = request.query.skip_current_image !== true && showsPreviews !== false;
    return progressOf(states.of(request).drawings, clock.now(), withImage);
  });

  app.post('/internal/progress', { ...read, schema: { ...hide, body: internalProgressSchema } }, async (request) => {
    const { id_task: taskId, id_live_preview: seen, live_preview: wantsPreview } = request.body;
    const found = [...states.of(request).drawings].find((drawing) => drawing.taskId === taskId);
    return taskProgress(found, clock.now(), { seen: seen ?? -1, wantsPreview: wantsPreview ?? true });
  });

  app.get('/internal/pending-tasks', { ...read, schema: hide }, async (request) => {
    const tasks = [...states.of(request).drawings].map(({ taskId, generations: [first] }) => taskId ?? first.id);
    return { size: tasks.length, tasks };
  });

  app.post('/sdapi/v1/interrupt', write, async (request) => {
    for (const drawing of states.of(request).drawings) {
      drawing.isInterrupted = true;
      // One that has just ended is interrupted too.
      for (const { id } of drawing.generations)
        await ports.cancelGeneration({ tenantId: tenantOf(request), id }).catch(ignoreFinal);
    }
    return {};
  });

  app.post('/sdapi/v1/skip', write, async (request) => {
    await skip(request, ports);
    return {};
  });
}

/** Ends the picture that is drawn now; the others of the request go on. */
async function skip(request: FastifyRequest, { states, getGeneration, cancelJob }: StatePorts): Promise<void> {
  const [drawing] = states.of(request).drawings;
  if (drawing === undefined) return;
  const tenantId = tenantOf(request);
  const records = await Promise.all(drawing.generations.map(({ id }) => getGeneration({ tenantId, id })));
  const jobs = records.flatMap((record) => record.jobs);
  const running = jobs.find(({ job }) => job.state === 'running') ?? jobs.find(({ job }) => job.state === 'queued');
  if (running !== undefined) await cancelJob({ tenantId, id: running.job.id }).catch(ignoreFinal);
}

function taskProgress(
  drawing: Drawing | undefined,
  now: number,
  { seen, wantsPreview }: { readonly seen: number; readonly wantsPreview: boolean },
): Readonly<Record<string, unknown>> {
  const { progress, eta } = drawing === undefined ? { progress: 0, eta: 0 } : shareOf(drawing, now);
  const preview = wantsPreview && drawing?.preview?.id !== seen ? drawing?.preview : undefined;
  const isActive = drawing !== undefined && drawing.steps.size > 0;
  return {
    active: isActive,
    queued: drawing !== undefined && !isActive,
    completed: drawing === undefined,
    progress,
    eta,
    live_preview:
      preview === undefined ? null : `data:image/jpeg;base64,${Buffer.from(preview.image).toString('base64')}`,
    id_live_preview: preview?.id ?? seen,
    textinfo: drawing === undefined ? null : isActive ? null : 'Waiting...',
  };
}

function ignoreFinal(error: unknown): void {
  if (error instanceof Error && 'code' in error && error.code === 'already_final') return;
  throw error;
}
