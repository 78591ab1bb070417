import { freemem, totalmem } from 'node:os';
import type { InspectPicture } from '../../../application/inspect-picture.ts';
import type { LoraLibrary } from '../../../application/lora-ports.ts';
import type { ModelCatalog } from '../../../application/ports.ts';
import type { Permission } from '../../../domain/access/permission.ts';
import type { ModelFacts } from '../../../domain/model.ts';
import type { RecalledSettings } from '../../../domain/provenance/a1111-text.ts';
import type { App } from '../app-type.ts';
import { tenantOf } from '../tenant.ts';
import { SdapiError } from './errors.ts';
import { upscalers } from './extras.ts';
import { decodePicture, pictureSchema } from './request.ts';
import { samplers, schedulers } from './samplers.ts';

interface ListPorts {
  readonly models: ModelCatalog;
  readonly loras: LoraLibrary;
  readonly inspectPicture: InspectPicture;
}

/** `demo [0123456789]`, as A1111 names a checkpoint. */
export function titleOf({ name, weightsSha256 }: ModelFacts): string {
  return weightsSha256 === undefined ? name : `${name} [${weightsSha256.slice(0, 10)}]`;
}

export function addListRoutes(app: App, ports: ListPorts): void {
  const answer = (path: string, permission: Permission, value: () => unknown): void => {
    app.get(`/sdapi/v1/${path}`, { config: { permission }, schema: { hide: true } }, async () => value());
  };
  answer('sd-models', 'models:read', () =>
    ports.models.list().flatMap((entry) => (entry.kind === 'usable' ? [checkpoint(entry.facts)] : [])),
  );
  answer('samplers', 'models:read', () => samplers);
  answer('schedulers', 'models:read', () => schedulers);
  answer('upscalers', 'models:read', () => upscalers);
  answer('memory', 'system:read', memory);
  answer('cmd-flags', 'system:read', () => ({ api: true, nowebui: true, api_auth: null }));
  answer('embeddings', 'models:read', () => ({ loaded: {}, skipped: {} }));
  answer('scripts', 'models:read', () => ({ txt2img: [], img2img: [] }));
  // Things that this program does not have.
  for (const path of [
    'sd-vae',
    'sd-modules',
    'hypernetworks',
    'face-restorers',
    'realesrgan-models',
    'latent-upscale-modes',
    'prompt-styles',
    'script-info',
    'extensions',
  ]) {
    answer(path, 'models:read', () => []);
  }
  addLoraRoutes(app, ports.loras);
  addPngInfo(app, ports.inspectPicture);
}

function addLoraRoutes(app: App, loras: LoraLibrary): void {
  app.get('/sdapi/v1/loras', { config: { permission: 'loras:read' }, schema: { hide: true } }, async (request) =>
    loras.list(tenantOf(request)).flatMap(({ name, content }) => {
      if (content.kind !== 'usable') return [];
      const metadata = { 'modelspec.description': content.description ?? '', sshs_model_hash: content.sha256 };
      // A path of this machine is nobody's business.
      return [{ name, alias: name, path: `${name}.safetensors`, metadata }];
    }),
  );
  for (const path of ['refresh-loras', 'refresh-checkpoints', 'refresh-vae']) {
    app.post(`/sdapi/v1/${path}`, { config: { permission: 'loras:read' }, schema: { hide: true } }, async () => {
      // Folders are watched; this only makes it sooner.
      if (path === 'refresh-loras') await loras.refresh();
      return null;
    });
  }
  app.post(
    '/sdapi/v1/interrogate',
    { config: { permission: 'models:read' }, bodyLimit: PICTURE_BYTES, schema: { hide: true } },
    async () => {
      throw new SdapiError(404, 'Model not found');
    },
  );
}

function addPngInfo(app: App, inspectPicture: InspectPicture): void {
  app.post(
    '/sdapi/v1/png-info',
    { config: { permission: 'assets:read' }, bodyLimit: PICTURE_BYTES, schema: { hide: true, body: pictureSchema } },
    async (request) => {
      const bytes = decodePicture(request.body.image);
      const { parameters, settings, texts } = await inspectPicture({ tenantId: tenantOf(request), bytes });
      const items = parameters === undefined ? {} : { parameters };
      return {
        info: parameters ?? '',
        items: { ...Object.fromEntries(texts.map((name) => [name, ''])), ...items },
        parameters: settings === undefined ? {} : parametersOf(settings),
      };
    },
  );
}

/** Keys of A1111's `parse_generation_parameters`. */
function parametersOf(settings: RecalledSettings): Readonly<Record<string, unknown>> {
  const { prompt, negativePrompt, guidanceScale, width, height, loras } = settings;
  const tags = loras.map(({ name, strength }) => ` <lora:${name}:${strength}>`).join('');
  const pairs: readonly (readonly [string, unknown])[] = [
    ['Prompt', prompt + tags],
    ['Negative prompt', negativePrompt],
    ['Steps', settings.steps],
    ['Sampler', settings.sampler],
    ['Schedule type', settings.schedule],
    ['CFG scale', guidanceScale === undefined ? undefined : Math.round((guidanceScale + 1) * 1e6) / 1e6],
    ['Seed', settings.seed],
    ['Size-1', width],
    ['Size-2', height],
    ['Model hash', settings.modelHash],
    ['Model', settings.model],
    ...Object.entries(settings.other),
  ];
  return Object.fromEntries(pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])));
}

function checkpoint(facts: ModelFacts): Readonly<Record<string, unknown>> {
  const { name, weightsSha256 } = facts;
  const hash = weightsSha256?.slice(0, 10) ?? null;
  return { title: titleOf(facts), model_name: name, hash, sha256: weightsSha256 ?? null, filename: name, config: null };
}

function memory(): Readonly<Record<string, unknown>> {
  const [free, total] = [freemem(), totalmem()];
  return { ram: { free, used: total - free, total }, cuda: { error: 'unavailable' } };
}

const PICTURE_BYTES = 67_108_864;
