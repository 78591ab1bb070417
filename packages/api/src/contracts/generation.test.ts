import { describe, expect, it } from 'vitest';
import { generationRequestSchema, listGenerationsQuerySchema } from './generation.ts';

describe('the request for a generation', () => {
  it('needs only a prompt, and fills in what needs no model', () => {
    expect(generationRequestSchema.parse({ prompt: 'a red apple' })).toEqual({
      prompt: 'a red apple',
      negativePrompt: '',
      count: 1,
      format: 'png',
      quality: 90,
      priority: 'standard',
      loras: [],
    });
  });

  it('keeps every field that it knows', () => {
    const all = {
      ...{ prompt: 'a', negativePrompt: 'b', count: 100, width: 16, height: 16_384, seed: 2 ** 53 - 1, steps: 100 },
      ...{ guidanceScale: 3.5, model: 'demo', format: 'webp', quality: 1, loras: [{ name: 'flat', strength: 0.5 }] },
      ...{ priority: 'bulk', deadline: '2026-11-22T20:00:00+01:00', maxRetries: 0, retryBackoffSeconds: 0.5 },
    };
    expect(generationRequestSchema.parse(all)).toEqual(all);
  });

  it('keeps whole characters outside the basic plane and refuses halves of them', () => {
    expect(generationRequestSchema.safeParse({ prompt: '🍎' }).success).toBe(true);
    expect(generationRequestSchema.safeParse({ prompt: '🍎'.slice(0, 1) }).success).toBe(false);
  });

  it('does not turn one type into another', () => {
    for (const width of ['256', true, null, [256]]) {
      expect(generationRequestSchema.safeParse({ prompt: 'a', width }).success).toBe(false);
    }
  });
});

describe('the query of a list', () => {
  it('reads numbers from text', () => {
    expect(listGenerationsQuerySchema.parse({ limit: '5', state: 'partial' })).toEqual({ limit: 5, state: 'partial' });
    expect(listGenerationsQuerySchema.parse({})).toEqual({ limit: 20 });
  });
});
