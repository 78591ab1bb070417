import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readFloat32, readSafetensorsHeader } from '../checkpoint/safetensors.ts';
import type { Caption } from '../denoise.ts';
import { latentShape, type ParityOptions, type ParityRun } from './parity-run.ts';
import { relativeError, tolerances } from './report.ts';

/** The same adapter in three spellings, `<folder>/lora/<flavour>.safetensors`. */
const flavours = ['diffusers', 'comfyui', 'kohya'];

/**
 * Forwards with an adapter, where the fixture has some: `dit{n}.y.scale{strength}` of `lora/expected.safetensors`, once
 * for each flavour of the file. Of the outputs the one that is farthest off is kept.
 * @param captions of the prompts
 * @param promptOf prompt of a forward
 */
export async function runLora(
  { fixture, recorder, pipeline, options }: ParityRun,
  captions: readonly Caption[],
  promptOf: ReadonlyMap<number, number>,
): Promise<void> {
  const folder = join(fixture.folder, 'lora');
  const { tensors } = await readSafetensorsHeader(join(folder, 'expected.safetensors'));
  for (const [name, ref] of tensors) {
    const [, index = '', strength] = /^dit(\d+)\.y\.scale([\d.]+)$/.exec(name) ?? [];
    const wanted = flavours.filter((flavour) => isWanted(options, `lora ${flavour} ${name}`));
    if (wanted.length === 0) continue;
    const caption = captions[promptOf.get(Number(index)) ?? -1];
    if (strength === undefined || caption === undefined) {
      recorder.notes.push(`lora ${name}: not computed, its forward or prompt was not run`);
      continue;
    }
    const expected = await readFloat32(ref);
    const { grid } = latentShape(fixture, `dit${index}.x`);
    const latent = await fixture.floats(`dit${index}.x`);
    const [time = 0] = await fixture.floats(`dit${index}.t`);
    let worst = -1;
    for (const flavour of wanted) {
      options.onProgress?.(`lora ${flavour} ${name}`);
      const adapter = join(folder, `${flavour}.safetensors`);
      const loras = await pipeline.resolveLoras([{ adapter, strength: Number(strength) }]);
      const [output = new Float32Array()] = await pipeline.predict([{ latent, time, caption, loras }], grid);
      recorder.relative(`lora ${flavour} ${name}`, output, expected, tolerances.forward);
      const error = relativeError(output, expected);
      if (error > worst) recorder.tensors.set(name, { type: 'f32', shape: ref.shape, data: output });
      worst = Math.max(worst, error);
    }
  }
}

function isWanted({ only }: ParityOptions, row: string): boolean {
  return only === undefined || only.includes('lora') || only.includes(row);
}

/** Whether a fixture has adapters. */
export async function hasLora(folder: string): Promise<boolean> {
  const stats = await stat(join(folder, 'lora', 'expected.safetensors')).catch(() => undefined);
  return stats !== undefined;
}
