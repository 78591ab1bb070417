import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DenoiseItem, denoiseStep } from './denoise.ts';
import { type PictureSettings, ZImagePipeline } from './families/z-image/pipeline.ts';
import { firstStep } from './families/z-image/start.ts';
import { pasteKept } from './inpaint.ts';
import { createTorchGenerator } from './random.ts';
import { readMaskPixels } from './source-picture.ts';
import { cpuRuntime } from './testing/observed-runtime.ts';

const demo = fileURLToPath(new URL('../../../models/demo', import.meta.url));
const size = { width: 128, height: 128 };

let pipeline: ZImagePipeline;
let image: Uint8Array;
let mask: Uint8Array;
beforeAll(async () => {
  pipeline = await ZImagePipeline.open(demo, cpuRuntime());
  const disc =
    '<svg width="128" height="128"><rect width="128" height="128" fill="#3050c0"/><circle cx="64" cy="64" r="40" fill="#d02020"/></svg>';
  image = await sharp(Buffer.from(disc)).png().toBuffer();
  // The right half is white.
  const half =
    '<svg width="128" height="128"><rect width="128" height="128"/><rect x="64" width="64" height="128" fill="#fff"/></svg>';
  mask = await sharp(Buffer.from(half)).png().toBuffer();
});
afterAll(() => pipeline.release());

function prepare(settings: Partial<PictureSettings> = {}): Promise<DenoiseItem> {
  const base = { prompt: 'a green leaf', negativePrompt: '', seed: 3, steps: 8, guidance: { scale: 0 }, ...size };
  return pipeline.prepare({ ...base, ...settings });
}

async function pictureOf(item: DenoiseItem): Promise<Uint8Array> {
  while (item.step < item.schedule.steps) await denoiseStep(pipeline, [item]);
  const { data } = await pipeline.decode(item.latent, item.grid);
  if (item.kept !== undefined) pasteKept(data, item.kept);
  return data;
}

/** Mean difference in levels of a channel, over those pixels. */
function difference(a: Uint8Array, b: Uint8Array, among: (x: number, y: number) => boolean = () => true): number {
  let [sum, count] = [0, 0];
  for (const [at, value] of a.entries()) {
    const pixel = Math.floor(at / 3);
    if (!among(pixel % size.width, Math.floor(pixel / size.width))) continue;
    sum += Math.abs(value - (b[at] ?? 0));
    count += 1;
  }
  return sum / count;
}

const raw = (bytes: Uint8Array): Promise<Uint8Array> => sharp(bytes).removeAlpha().raw().toBuffer();

describe('the share of the schedule that a strength draws', () => {
  // get_timesteps of pipeline_z_image_img2img.py: int(max(n - min(n * strength, n), 0))
  test.each([
    [8, 1, 0],
    [8, 0.6, 3],
    [8, 0.5, 4],
    [9, 0.6, 3],
    [8, 0.01, 7],
    [1, 0.3, 0],
    [50, 0.75, 12],
  ])('of %i steps at %d begins at step %i', (steps, strength, first) => {
    expect(firstStep(steps, strength)).toBe(first);
  });

  test.each([0, -1, 1.01, Number.NaN])('refuses the strength %d', (strength) => {
    expect(() => firstStep(8, strength)).toThrow(expect.objectContaining({ code: 'option_invalid' }));
  });
});

describe('a picture that starts from another', () => {
  test('begins at noise alone with strength 1, with the second draw of its seed', async () => {
    const { latent, step } = await prepare({ source: { image, strength: 1 } });
    const generator = createTorchGenerator(3);
    generator.randn(latent.length);
    expect(step).toBe(0);
    expect(latent).toEqual(generator.randn(latent.length));
  });

  test('mixes noise and source by the noise level at which it begins', async () => {
    const whole = await prepare({ source: { image, strength: 1 } });
    const part = await prepare({ source: { image, strength: 0.5 } });
    const kept = (await prepare({ source: { image, strength: 0.5, mask } })).kept;
    const sigma = part.schedule.sigmas[4] ?? 0;
    expect(part.step).toBe(4);
    for (const at of [0, 77, part.latent.length - 1]) {
      const mixed = sigma * (whole.latent[at] ?? 0) + (1 - sigma) * (kept?.source[at] ?? 0);
      expect(part.latent[at]).toBeCloseTo(mixed, 5);
    }
  });

  test('stays near the source with little strength and leaves it with much', async () => {
    const source = await raw(image);
    const [near, far] = [
      await pictureOf(await prepare({ source: { image, strength: 0.05 }, steps: 30 })),
      await pictureOf(await prepare({ source: { image, strength: 1 } })),
    ];
    expect(difference(near, source)).toBeLessThan(20);
    expect(difference(far, source)).toBeGreaterThan(2 * difference(near, source));
  });

  test('comes back through encoder and decoder nearly as it was', async () => {
    const { kept, grid } = await prepare({ source: { image, strength: 1, mask } });
    const { data } = await pipeline.decode(kept?.source ?? new Float32Array(), grid);
    expect(difference(data, await raw(image))).toBeLessThan(10);
  });

  test('keeps every pixel outside the mask and repaints those within', async () => {
    const item = await prepare({ source: { image, strength: 1, mask } });
    const drawn = await pictureOf(item);
    const source = await raw(image);
    expect(difference(drawn, source, (x) => x < 64)).toBe(0);
    expect(difference(drawn, source, (x) => x >= 64)).toBeGreaterThan(10);
    // At the last step the noise level is 0: the latent outside is that of the source itself.
    const columns = item.grid.columns * 2;
    const outside = [...item.latent.keys()].filter((at) => at % columns < columns / 2);
    expect(outside.every((at) => item.latent[at] === item.kept?.source[at])).toBe(true);
  });

  test('moves in one batch with pictures that start elsewhere as it moves alone', async () => {
    const sources = [undefined, { image, strength: 0.5 }, { image, strength: 1, mask }];
    const together = await Promise.all(sources.map((source) => prepare({ source })));
    for (let step = 0; step < 8; step += 1) {
      await denoiseStep(
        pipeline,
        together.filter((item) => item.step < item.schedule.steps),
      );
    }
    for (const [at, source] of sources.entries()) {
      const alone = await pictureOf(await prepare({ source }));
      const item = together[at];
      if (item === undefined) throw new TypeError('There is an item for each source');
      expect(difference(await pictureOf(item), alone)).toBeLessThan(0.5);
    }
  });

  test('is cropped in the middle to the proportions of the picture, and its mask with it', async () => {
    const wide = await sharp(image).resize(256, 64, { fit: 'fill' }).png().toBuffer();
    const pixels = await readMaskPixels(mask, wide, { width: 32, height: 32 });
    const row = [...pixels.subarray(0, 32)];
    expect(row).toEqual([...Array<number>(16).fill(0), ...Array<number>(16).fill(1)]);
  });

  test.each([
    ['a source', { image: Buffer.from('no picture'), strength: 0.5 }],
    ['a mask', { image: undefined, strength: 0.5, mask: Buffer.from('no picture') }],
  ])('refuses %s that is no picture', async (_what, source) => {
    const given = { ...source, image: source.image ?? image };
    await expect(prepare({ source: given })).rejects.toMatchObject({ code: 'source_invalid' });
  });
});
