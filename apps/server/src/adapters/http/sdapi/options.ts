import type { ModelCatalog } from '../../../application/ports.ts';
import type { App } from '../app-type.ts';
import type { KeyState, KeyStates } from './key-state.ts';
import { titleOf } from './lists.ts';
import { findCheckpoint } from './plan.ts';
import { optionsSchema } from './request.ts';

interface OptionPorts {
  readonly models: ModelCatalog;
  readonly states: KeyStates;
}

/** Options hold for the key that sets them: one client's choice of a model is no other's. */
export function addOptionRoutes(app: App, { models, states }: OptionPorts): void {
  app.get('/sdapi/v1/options', { config: { permission: 'models:read' }, schema: { hide: true } }, async (request) =>
    shown(states.of(request), models),
  );

  app.post(
    '/sdapi/v1/options',
    { config: { permission: 'generations:write' }, schema: { hide: true, body: optionsSchema } },
    async (request) => {
      const { sd_model_checkpoint: wanted, samples_format: format } = request.body;
      const state = states.of(request);
      const model = wanted == null ? undefined : findCheckpoint(models, wanted);
      state.options = {
        sd_model_checkpoint: model?.name ?? state.options.sd_model_checkpoint,
        samples_format: format ?? state.options.samples_format,
      };
      return null;
    },
  );
}

/** The few of A1111's many options that clients read. */
function shown({ options }: KeyState, models: ModelCatalog): Readonly<Record<string, unknown>> {
  const model = findCheckpoint(models, options.sd_model_checkpoint);
  return {
    samples_save: true,
    samples_format: options.samples_format ?? 'png',
    enable_pnginfo: true,
    sd_model_checkpoint: model === undefined ? '' : titleOf(model),
    sd_checkpoint_hash: model?.weightsSha256 ?? '',
    sd_vae: 'Automatic',
    CLIP_stop_at_last_layers: 1,
    show_progress_every_n_steps: -1,
    live_previews_enable: true,
    live_previews_image_format: 'jpeg',
  };
}
