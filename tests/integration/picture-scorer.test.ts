import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPictureScorer, type PictureScorerOptions } from '@imagemill/diffusion/onnxruntime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Generation } from '../../packages/api/src/index.ts';
import { writeMeanModel } from '../support/scoring-model.ts';
import { openParts, untilReady } from '../support/server-parts.ts';

const model = fileURLToPath(new URL('../../models/demo', import.meta.url));

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-scorer-'));
  path = join(folder, 'mean.onnx');
  await writeMeanModel(path);
});
afterAll(() => rm(folder, { recursive: true }));

const grey = (value: number) => ({ width: 16, height: 32, data: new Uint8Array(3 * 16 * 32).fill(value) });

async function scoreOf(value: number, options: Partial<PictureScorerOptions> = {}): Promise<number> {
  const scorer = await openPictureScorer({ path, size: 8, index: 1, ...options });
  try {
    return await scorer.score(grey(value));
  } finally {
    await scorer.close();
  }
}

describe('a model that scores pictures', () => {
  it('sees them scaled to its size, as values from 0 to 1 that are normalised by channel', async () => {
    expect(await scoreOf(255)).toBeCloseTo(1);
    expect(await scoreOf(51)).toBeCloseTo(0.2);
    expect(await scoreOf(51, { mean: [0.2, 0.2, 0.5], std: [1, 1, 0.5] })).toBeCloseTo(-0.2);
  });

  it('answers with the number that is asked for, as it is or as a share', async () => {
    expect(await scoreOf(51, { index: 0 })).toBeCloseTo(-0.2);
    expect(await scoreOf(51, { activation: 'sigmoid' })).toBeCloseTo(1 / (1 + Math.exp(-0.2)));
    expect(await scoreOf(51, { activation: 'softmax' })).toBeCloseTo(1 / (1 + Math.exp(-0.4)));
  });

  it('is refused at once when it does not fit, with what is wrong', async () => {
    await expect(scoreOf(1, { output: 'score' })).rejects.toThrow('it has the outputs scores, not score');
    await expect(scoreOf(1, { index: 2 })).rejects.toThrow('its output scores has no finite number at 2');
    await expect(scoreOf(1, { size: 16 })).rejects.toThrow('mean.onnx cannot be used');
    const rubbish = join(folder, 'rubbish.onnx');
    await writeFile(rubbish, 'not a model');
    await expect(scoreOf(1, { path: rubbish })).rejects.toMatchObject({ code: 'device_failed' });
  });

  it('holds back what is unsafe, and marks what is unattractive', async () => {
    const parts = await openParts({
      ...{ device: 'cpu', model, calibrate: false },
      safetyModel: { path, size: 8, index: 1 },
      aestheticModel: { path, size: 8, index: 1, std: [0.1, 0.1, 0.1] },
      qualityPolicy: { actions: { unsafe: 'review' }, limits: { unsafeScore: 0.01, aestheticScore: 10 } },
    });
    try {
      await untilReady(parts);
      const request = { prompt: 'a yellow star on a white background', seed: 3, steps: 2, width: 128, height: 128 };
      const accepted = await parts.app.inject({ method: 'POST', url: '/v1/generations', payload: request });
      const { id } = accepted.json<Generation>();
      await parts.app.inject({ url: `/v1/generations/${id}/events` });
      const [review] = (await parts.app.inject({ url: '/v1/reviews' })).json().items;
      const { measures, reasons } = review.quality;
      expect(reasons.map(({ check }: { check: string }) => check)).toEqual(['unsafe', 'unattractive']);
      expect(measures.unsafe).toBeGreaterThan(0.01);
      expect(measures.aesthetic).toBeCloseTo(10 * measures.unsafe, 3);
    } finally {
      await parts.close();
    }
  });

  it('keeps the engine from starting when the file is not there, and says so', async () => {
    const parts = await openParts({
      ...{ device: 'cpu', model, calibrate: false },
      safetyModel: { path: join(folder, 'missing.onnx'), size: 8 },
    });
    try {
      const problem = await new Promise<string>((resolve) => {
        parts.engine.onChange(({ problem: found }) => found !== undefined && resolve(found.message));
      });
      expect(problem).toContain('missing.onnx cannot be used');
    } finally {
      await parts.close();
    }
  });
});
