import { type Caption, type DenoiseItem, denoiseStep } from '../denoise.ts';
import { ZImagePipeline } from '../families/z-image/pipeline.ts';
import { createSchedule } from '../schedule.ts';
import { loadPromptTokenizer } from '../tokenizer/prompt-tokenizer.ts';
import { openFixture, type PipeCase, readTokenizerCases, rotaryTypeOf } from './fixture.ts';
import { latentShape, type ParityOptions, type ParityRun } from './parity-run.ts';
import { ParityRecorder, type ParityReport, tolerances } from './report.ts';
import { hasLora, runLora } from './run-lora.ts';
import { runStages } from './run-stages.ts';

/**
 * Runs every case of a parity fixture: token ids, text features, single and batched forwards, forwards with adapters,
 * VAE both ways, whole runs.
 *
 * @throws DiffusionError when the folder is no fixture or its checkpoint cannot be opened
 */
export async function runParity(folder: string, options: ParityOptions): Promise<ParityReport> {
  const fixture = await openFixture(folder);
  const recorder = new ParityRecorder((name) => fixture.find(name));
  const pipeline = new ZImagePipeline(fixture.checkpoint, options.runtime, { rotaryType: rotaryTypeOf(fixture.cases) });
  const run = { fixture, recorder, pipeline, options };
  try {
    await runTokenizerCases(run);
    if (fixture.cases === undefined) {
      await runStages(run);
    } else {
      const captions = await runPrompts(run, fixture.cases.prompts);
      for (const entry of fixture.cases.cases)
        if ('dit' in entry) await runForward(run, entry.dit, captions[entry.prompt]);
      const promptOf = new Map(
        fixture.cases.cases.flatMap((entry) => ('dit' in entry ? [[entry.dit, entry.prompt] as const] : [])),
      );
      if (await hasLora(folder)) await runLora(run, captions, promptOf);
      await runBatch(run, fixture.cases.batch_prompts ?? [], captions);
      await runVae(run);
      for (const entry of fixture.cases.cases) if ('pipe' in entry) await runPipe(run, entry, captions);
    }
  } finally {
    await pipeline.release();
  }
  return recorder.report();
}

/** Prompts with their token ids, in fixtures that have them apart from the cases: `tokenizer{i}.ids`. */
async function runTokenizerCases(run: ParityRun): Promise<void> {
  const { fixture, recorder, options } = run;
  const cases = await readTokenizerCases(fixture.folder);
  if (cases.length === 0 || !startCase(run, 'tokenizer')) return;
  const folder = fixture.checkpoint.tokenizerFolder ?? options.tokenizerFolder;
  if (folder === undefined) {
    recorder.notes.push(NO_TOKENIZER);
    return;
  }
  const tokenizer = await loadPromptTokenizer(folder);
  for (const [index, { prompt, ids }] of cases.entries()) {
    const computed = tokenizer.encode(prompt, { controlTokens: 'parse' }).ids;
    recorder.tensors.set(`tokenizer${index}.ids`, { type: 'i64', shape: [computed.length], data: computed });
    recorder.ids(`tokenizer${index}.ids`, computed, ids);
  }
}

const NO_TOKENIZER = 'token ids: not computed, the fixture has no tokenizer; name one with --tokenizer';

async function runPrompts(run: ParityRun, prompts: readonly string[]): Promise<Caption[]> {
  const { fixture, recorder, pipeline, options } = run;
  const folder = fixture.checkpoint.tokenizerFolder ?? options.tokenizerFolder;
  const tokenizer = folder === undefined ? undefined : await loadPromptTokenizer(folder);
  if (tokenizer === undefined) recorder.notes.push(NO_TOKENIZER);
  const captions: Caption[] = [];
  for (const [index, prompt] of prompts.entries()) {
    if (!startCase(run, `prompt${index}`)) continue;
    const name = `prompt${index}.ids`;
    const expected = fixture.ref(name) === undefined ? undefined : await fixture.integers(name);
    const ids = tokenizer?.encode(prompt, { controlTokens: 'parse' }).ids ?? expected ?? [];
    recorder.tensors.set(name, { type: 'i64', shape: [ids.length], data: ids });
    if (expected !== undefined && tokenizer !== undefined) recorder.ids(name, ids, expected);
    const features = await pipeline.textEncoder.encode(ids);
    const width = fixture.checkpoint.textEncoder.config.hiddenSize;
    await recorder.compare(`prompt${index}.embeds`, features.rows, [features.tokens, width], tolerances.forward);
    captions[index] = await pipeline.transformer.encodeCaption(features.rows, features.tokens);
  }
  return captions;
}

async function runForward(run: ParityRun, index: number, caption: Caption | undefined): Promise<void> {
  if (!startCase(run, `dit${index}`)) return;
  const { fixture, recorder, pipeline } = run;
  if (caption === undefined) throw new RangeError(`cases.json gives dit${index} a prompt that is not there`);
  const { shape, grid } = latentShape(fixture, `dit${index}.x`);
  const latent = await fixture.floats(`dit${index}.x`);
  const [time = 0] = await fixture.floats(`dit${index}.t`);
  const [output] = await pipeline.predict([{ latent, time, caption }], grid);
  await recorder.compare(`dit${index}.y`, output ?? new Float32Array(), shape, tolerances.forward);
}

/** Items at different times, with captions of different length, in one call; and each of them alone. */
async function runBatch(run: ParityRun, prompts: readonly number[], captions: readonly Caption[]): Promise<void> {
  if (prompts.length === 0 || run.fixture.ref('batch.x0') === undefined || !startCase(run, 'batch')) return;
  const { fixture, recorder, pipeline } = run;
  const { shape, grid } = latentShape(fixture, 'batch.x0');
  const times = await fixture.floats('batch.t');
  const inputs = await Promise.all(
    prompts.map(async (prompt, index) => ({
      latent: await fixture.floats(`batch.x${index}`),
      time: times[index] ?? 0,
      caption: at(captions, prompt),
    })),
  );
  const together = await pipeline.predict(inputs, grid);
  for (const [index, input] of inputs.entries()) {
    const batched = together[index] ?? new Float32Array();
    await recorder.compare(`batch.y${index}`, batched, shape, tolerances.forward);
    const [alone] = await pipeline.predict([input], grid);
    recorder.relative(`batch.y${index} against single`, batched, alone ?? new Float32Array(), tolerances.forward);
  }
}

async function runVae(run: ParityRun): Promise<void> {
  const { fixture, recorder, pipeline } = run;
  const z = fixture.ref('vae.z');
  if (z !== undefined && startCase(run, 'vae.image')) {
    const [height = 0, width = 0] = z.shape.slice(-2);
    const image = await pipeline.vae.decode(
      { values: await fixture.floats('vae.z'), width, height },
      { tiling: 'never' },
    );
    const channels = fixture.checkpoint.vae.config.outChannels;
    await recorder.compare('vae.image', image.values, [1, channels, image.height, image.width], tolerances.forward);
  }
  const input = fixture.ref('vae.encode_in');
  if (input !== undefined && startCase(run, 'vae.encode_mean')) {
    const [height = 0, width = 0] = input.shape.slice(-2);
    const { mean } = await pipeline.vae.encode({ values: await fixture.floats('vae.encode_in'), width, height });
    const channels = fixture.checkpoint.vae.config.latentChannels;
    await recorder.compare('vae.encode_mean', mean.values, [1, channels, mean.height, mean.width], tolerances.forward);
  }
}

async function runPipe(run: ParityRun, entry: PipeCase, captions: readonly Caption[]): Promise<void> {
  const name = `pipe${entry.pipe}`;
  if (!startCase(run, name)) return;
  const { fixture, recorder, pipeline } = run;
  const { shape, grid } = latentShape(fixture, `${name}.latents_in`);
  const schedule = createSchedule(fixture.checkpoint.schedule, entry.steps, { imageTokens: grid.rows * grid.columns });
  await recorder.compare(`${name}.sigmas`, schedule.sigmas, [schedule.sigmas.length], tolerances.forward);
  await recorder.compare(`${name}.timesteps`, schedule.timesteps, [schedule.timesteps.length], tolerances.forward);
  const item: DenoiseItem = {
    grid,
    latent: (await fixture.floats(`${name}.latents_in`)).slice(),
    schedule,
    step: 0,
    caption: at(captions, entry.prompt),
    negative: entry.guidance_scale > 0 ? await negativeCaption(run, entry.negative_prompt ?? '') : undefined,
    guidance: {
      scale: entry.guidance_scale,
      normalization: Number(entry.cfg_normalization),
      truncation: entry.cfg_truncation ?? Number.POSITIVE_INFINITY,
    },
  };
  while (item.step < schedule.steps) await denoiseStep(pipeline, [item]);
  await recorder.compare(`${name}.latents_out`, item.latent, shape, tolerances.run);
  await compareImage(run, `${name}.image`, item);
}

/** `image` is [0, 1], as the reference's `output_type="pt"`. */
async function compareImage(
  { fixture, recorder, pipeline }: ParityRun,
  name: string,
  item: DenoiseItem,
): Promise<void> {
  const { patchSize } = fixture.checkpoint.transformer.config;
  const size = { width: item.grid.columns * patchSize, height: item.grid.rows * patchSize };
  const decoded = await pipeline.vae.decode({ values: item.latent, ...size }, { tiling: 'never' });
  const image = decoded.values.map((value) => Math.min(1, Math.max(0, value / 2 + 0.5)));
  await recorder.compare(name, image, [1, 3, decoded.height, decoded.width], tolerances.run);
  const expected = await fixture.find(name);
  if (expected === undefined) return;
  const toBytes = (values: Float32Array): number[] => Array.from(values, (value) => Math.round(value * 255));
  recorder.pixels(`${name} as pixels`, toBytes(image), toBytes(expected));
}

async function negativeCaption({ fixture, pipeline, options }: ParityRun, prompt: string): Promise<Caption> {
  const known = fixture.cases?.prompts.indexOf(prompt) ?? -1;
  const folder = fixture.checkpoint.tokenizerFolder ?? options.tokenizerFolder;
  const ids =
    folder === undefined
      ? await fixture.integers(`prompt${known}.ids`)
      : (await loadPromptTokenizer(folder)).encode(prompt, { controlTokens: 'parse' }).ids;
  const features = await pipeline.textEncoder.encode(ids);
  return pipeline.transformer.encodeCaption(features.rows, features.tokens);
}

/** Tells that a case begins; false when the caller did not ask for it. */
function startCase({ options }: ParityRun, name: string): boolean {
  if (options.only !== undefined && !options.only.includes(name)) return false;
  options.onProgress?.(name);
  return true;
}

function at<T>(list: readonly T[], index: number): T {
  const entry = list[index];
  if (entry === undefined) throw new RangeError(`cases.json names prompt ${index}, but there are ${list.length}`);
  return entry;
}
