import type { FastifyRequest } from 'fastify';
import type { ModelCatalog, Store, StoreTransaction } from '../../../application/ports.ts';
import type { App } from '../app-type.ts';
import { SdapiError } from './errors.ts';
import { ownerOf } from './key-state.ts';
import { titleOf } from './lists.ts';
import { findCheckpoint } from './plan.ts';
import { type ClientOptionValues, optionsSchema } from './request.ts';

export interface OptionPorts {
  readonly models: ModelCatalog;
  readonly findOptions: Store['findClientOptions'];
  readonly saveOptions: StoreTransaction['saveClientOptions'];
}

/** Options hold for the key that sets them: one client's choice of a model is no other's. */
export function addOptionRoutes(app: App, ports: OptionPorts): void {
  app.get('/sdapi/v1/options', { config: { permission: 'models:read' }, schema: { hide: true } }, async (request) =>
    shown(await optionsOf(request, ports), ports.models),
  );

  app.post(
    '/sdapi/v1/options',
    { config: { permission: 'generations:write' }, schema: { hide: true, body: optionsSchema } },
    async (request) => {
      await changeOptions(request, request.body, ports);
      return null;
    },
  );
}

/** The options of the key that makes a request. */
export async function optionsOf(
  request: FastifyRequest,
  { findOptions }: Pick<OptionPorts, 'findOptions'>,
): Promise<ClientOptionValues> {
  const kept = optionsSchema.safeParse(await findOptions(ownerOf(request)));
  return kept.success ? kept.data : {};
}

/** Sets options for the calls to come. @throws SdapiError for an unknown checkpoint, or too much to keep */
export async function changeOptions(
  request: FastifyRequest,
  change: ClientOptionValues,
  ports: OptionPorts,
): Promise<void> {
  const { sd_model_checkpoint: wanted } = change;
  const model = wanted == null ? undefined : findCheckpoint(ports.models, wanted);
  const given = Object.entries({ ...change, sd_model_checkpoint: model?.name }).filter(([, value]) => value != null);
  const options = { ...(await optionsOf(request, ports)), ...Object.fromEntries(given) };
  if (JSON.stringify(options).length > MOST_LETTERS) {
    throw new SdapiError(422, `Options of more than ${MOST_LETTERS} letters are not kept`);
  }
  await ports.saveOptions(ownerOf(request), options);
}

/** The few of A1111's many options that clients read, and whatever else the key has set. */
function shown(options: ClientOptionValues, models: ModelCatalog): Readonly<Record<string, unknown>> {
  const model = findIfThere(models, options.sd_model_checkpoint);
  return {
    samples_save: true,
    samples_format: 'png',
    jpeg_quality: 90,
    enable_pnginfo: true,
    sd_vae: 'Automatic',
    CLIP_stop_at_last_layers: 1,
    show_progress_every_n_steps: -1,
    live_previews_enable: true,
    live_previews_image_format: 'jpeg',
    ...options,
    sd_model_checkpoint: model === undefined ? '' : titleOf(model),
    sd_checkpoint_hash: model?.weightsSha256 ?? '',
  };
}

/** A model that was chosen once may have been removed since. */
function findIfThere(models: ModelCatalog, name: string | null | undefined): ReturnType<typeof findCheckpoint> {
  try {
    return findCheckpoint(models, name);
  } catch (error) {
    if (error instanceof SdapiError) return undefined;
    throw error;
  }
}

const MOST_LETTERS = 20_000;
