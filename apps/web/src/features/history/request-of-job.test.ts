import type { Generation, Job } from '@imagemill/api';
import { expect, test } from 'vitest';
import { requestOfJob } from './request-of-job.ts';

test('a picture is drawn again with all that it was drawn with: its seed, adapters, reference and mask', () => {
  const generation = {
    ...{ prompt: 'a panda', negativePrompt: 'text', width: 64, height: 96, steps: 4, guidanceScale: 2, model: 'demo' },
    ...{ format: 'jpeg', quality: 80, count: 4, seed: 7 },
    loras: [{ name: 'ink', strength: 0.5, sha256: 'f'.repeat(64) }],
    image: { assetId: 'a', strength: 0.3, sha256: 'e'.repeat(64) },
    mask: { assetId: 'b', sha256: 'd'.repeat(64) },
  } as unknown as Generation;
  expect(requestOfJob(generation, { seed: 9 } as Job)).toEqual({
    ...{ prompt: 'a panda', negativePrompt: 'text', width: 64, height: 96, steps: 4, guidanceScale: 2, model: 'demo' },
    ...{ format: 'jpeg', quality: 80, count: 1, seed: 9, priority: 'interactive' },
    loras: [{ name: 'ink', strength: 0.5 }],
    image: { assetId: 'a', strength: 0.3 },
    mask: { assetId: 'b' },
  });
});
