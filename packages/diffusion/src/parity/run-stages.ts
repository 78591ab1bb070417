import { type Caption, type DenoiseItem, denoiseStep } from '../denoise.ts';
import { patchify } from '../families/z-image/sequence.ts';
import { toPixels } from '../image.ts';
import { createSchedule } from '../schedule.ts';
import { latentShape, type ParityRun } from './parity-run.ts';
import { tolerances } from './report.ts';

/**
 * Fixtures without `cases.json` hold runs under names of their own: `NAME.input_ids`, `NAME.latents_init`, the states
 * after each step, raw outputs, the decoded picture; and one VAE encode. A run named `cfg` is guided at scale 3 against
 * the empty prompt.
 */
export async function runStages(run: ParityRun): Promise<void> {
  const { fixture } = run;
  const names = fixture.names
    .filter((name) => name.endsWith('.latents_init'))
    .map((name) => name.slice(0, -'.latents_init'.length));
  for (const name of names) await runNamed(run, name);
  await runEncode(run);
  await runPatches(run);
}

/** The empty prompt in the real tokenizer, templated: eight tokens. */
const emptyPromptIds = [151644, 872, 198, 151645, 198, 151644, 77091, 198];

async function runNamed(run: ParityRun, name: string): Promise<void> {
  const { fixture, recorder, pipeline, options } = run;
  options.onProgress?.(name);
  const features = await pipeline.textEncoder.encode(await fixture.integers(`${name}.input_ids`));
  const width = fixture.checkpoint.textEncoder.config.hiddenSize;
  await recorder.compare(`${name}.prompt_embeds`, features.rows, [features.tokens, width], tolerances.forward);
  const { shape, grid } = latentShape(fixture, `${name}.latents_init`);
  const steps = fixture.ref(`${name}.timesteps`)?.shape[0] ?? 8;
  const schedule = createSchedule(fixture.checkpoint.schedule, steps, { imageTokens: grid.rows * grid.columns });
  await recorder.compare(`${name}.sigmas`, schedule.sigmas, [steps + 1], tolerances.forward);
  await recorder.compare(`${name}.timesteps`, schedule.timesteps, [steps], tolerances.forward);
  const guided = name === 'cfg';
  const item: DenoiseItem = {
    grid,
    latent: (await fixture.floats(`${name}.latents_init`)).slice(),
    schedule,
    step: 0,
    caption: await pipeline.transformer.encodeCaption(features.rows, features.tokens),
    negative: guided ? await emptyCaption(run) : undefined,
    guidance: { scale: guided ? 3 : 0 },
  };
  while (item.step < steps) {
    const step = item.step;
    const { velocities } = await denoiseStep(pipeline, [item]);
    const output = (velocities[0] ?? new Float32Array()).map((value) => -value);
    const tolerance = step === 0 ? tolerances.forward : tolerances.run;
    if (fixture.ref(`${name}.model_out.${step}`) !== undefined)
      await recorder.compare(`${name}.model_out.${step}`, output, shape.slice(1), tolerance);
    await recorder.compare(`${name}.latents.${step}`, item.latent.slice(), shape, tolerance);
  }
  await comparePicture(run, name, item);
}

async function comparePicture(
  { fixture, recorder, pipeline }: ParityRun,
  name: string,
  item: DenoiseItem,
): Promise<void> {
  const { patchSize } = fixture.checkpoint.transformer.config;
  const size = { width: item.grid.columns * patchSize, height: item.grid.rows * patchSize };
  const decoded = await pipeline.vae.decode({ values: item.latent, ...size }, { tiling: 'never' });
  await recorder.compare(`${name}.vae_out`, decoded.values, [1, 3, decoded.height, decoded.width], tolerances.run);
  const pixels = toPixels(decoded.values, decoded);
  recorder.tensors.set(`${name}.image_u8`, { type: 'u8', shape: [1, decoded.height, decoded.width, 3], data: pixels });
  if (fixture.ref(`${name}.image_u8`) !== undefined)
    recorder.pixels(`${name}.image_u8`, pixels, await fixture.integers(`${name}.image_u8`));
}

async function runEncode({ fixture, recorder, pipeline }: ParityRun): Promise<void> {
  const input = fixture.ref('encode.image');
  if (input === undefined) return;
  const [height = 0, width = 0] = input.shape.slice(-2);
  const { mean } = await pipeline.vae.encode({ values: await fixture.floats('encode.image'), width, height });
  const { latentChannels, scalingFactor, shiftFactor } = fixture.checkpoint.vae.config;
  const shape = [1, latentChannels, mean.height, mean.width];
  await recorder.compare(
    'encode.latents_mode',
    mean.values.map((value) => (value - shiftFactor) * scalingFactor),
    shape,
    tolerances.forward,
  );
}

/** The order of values in a patch is a stage of its own in the fixture. */
async function runPatches({ fixture, recorder }: ParityRun): Promise<void> {
  const patches = fixture.ref('stages.patches');
  const out = fixture.ref('stages.out');
  const source = fixture.names.find(
    (name) => name.endsWith('.latents_init') && fixture.ref(name)?.shape.slice(1).join() === out?.shape.join(),
  );
  if (patches === undefined || source === undefined) return;
  const { grid } = latentShape(fixture, source);
  const tokens = new Float32Array(patches.shape.reduce((product, size) => product * size, 1));
  patchify(fixture.checkpoint.transformer.config, await fixture.floats(source), grid, tokens);
  await recorder.compare('stages.patches', tokens, patches.shape, tolerances.forward);
}

async function emptyCaption({ pipeline }: ParityRun): Promise<Caption> {
  const features = await pipeline.textEncoder.encode(emptyPromptIds);
  return pipeline.transformer.encodeCaption(features.rows, features.tokens);
}
