import type { Model } from '@imagemill/api';
import { describe, expect, test } from 'vitest';
import { emptyDraft, modelOfDraft, parseDraft, recalled, requestOfDraft, rollSeed, withImage } from './draft.ts';

const demo: Model = {
  name: 'demo',
  family: 'z-image',
  state: 'available',
  isDefault: true,
  nativeWidth: 256,
  nativeHeight: 256,
  grain: 32,
  minSide: 64,
  maxSide: 512,
  maxPixels: 512 * 512,
  maxSteps: 50,
  maxCount: 16,
  maxGuidanceScale: 10,
  maxPromptLength: 1000,
  defaultSteps: 8,
  defaultGuidanceScale: 0,
  bytes: 0,
  pinned: false,
  precisions: [],
};

describe('the draft', () => {
  test('is the same after it was stored and read', () => {
    const draft = {
      ...emptyDraft,
      prompt: '一只熊猫',
      width: 320,
      seed: 7,
      steps: 4,
      format: 'webp' as const,
      loras: [{ name: 'ink', strength: -0.5 }],
    };
    expect(parseDraft(JSON.stringify(draft))).toMatchObject(draft);
  });

  test.each([null, '', 'no json', '[]', '7', '{"prompt":7,"count":"many","format":"gif","width":-1}'])(
    'is empty where %j is stored',
    (text) => {
      expect(requestOfDraft(parseDraft(text), demo)).toEqual(requestOfDraft(emptyDraft, demo));
    },
  );

  test('keeps what fits when a part of it does not', () => {
    expect(parseDraft('{"prompt":"a panda","count":null,"steps":"8"}')).toMatchObject({ prompt: 'a panda', count: 1 });
  });
});

test('the request names the adapters that were chosen', () => {
  const loras = [{ name: 'ink', strength: 0.8 }];
  expect(requestOfDraft({ ...emptyDraft, prompt: 'a panda', loras }, demo)).toMatchObject({ loras });
});

test('the request names the picture to draw from, and a mask only with it', () => {
  const image = { assetId: 'a', strength: 0.4 };
  expect(requestOfDraft({ ...emptyDraft, image, maskId: 'b' }, demo)).toMatchObject({ image, mask: { assetId: 'b' } });
  expect(requestOfDraft({ ...emptyDraft, maskId: 'b' }, demo)).not.toHaveProperty('mask');
  expect(withImage('c')).toEqual({ image: { assetId: 'c', strength: 0.6 }, maskId: undefined });
  expect(parseDraft('{"image":{"assetId":"a","strength":2}}').image).toBeUndefined();
});

describe('taking over from a picture', () => {
  const picture = { ...emptyDraft, prompt: 'a panda', guidanceScale: 0, model: 'demo', width: 64, height: 96 };
  const all = { ...picture, steps: 4, seed: 7 };

  test('takes the seed, the prompt, all but the seed, or everything', () => {
    expect(recalled('seed', all)).toEqual({ seed: 7 });
    expect(recalled('prompt', all)).toMatchObject({ prompt: 'a panda', negativePrompt: '' });
    expect(recalled('prompt', all)).not.toHaveProperty('width');
    expect(recalled('remix', all)).toMatchObject({ prompt: 'a panda', width: 64, steps: 4, seed: undefined });
    expect(recalled('all', all)).toMatchObject({ prompt: 'a panda', width: 64, steps: 4, seed: 7, count: 1 });
  });
});

describe('the request for a draft', () => {
  test('carries the model’s own values where nothing was chosen', () => {
    expect(requestOfDraft({ ...emptyDraft, prompt: 'a panda' }, demo)).toEqual({
      priority: 'interactive',
      prompt: 'a panda',
      negativePrompt: '',
      model: 'demo',
      width: 256,
      height: 256,
      steps: 8,
      guidanceScale: 0,
      count: 1,
      format: 'png',
      seed: undefined,
    });
  });

  test('moves what was chosen for another model to what this one accepts', () => {
    const draft = { ...emptyDraft, width: 1024, height: 250, steps: 99, count: 64 };
    expect(requestOfDraft(draft, demo)).toMatchObject({ width: 512, height: 256, steps: 50, count: 16 });
  });

  test('leaves a hidden negative prompt and its guidance out, but the draft keeps them', () => {
    const hidden = { ...emptyDraft, negativePrompt: 'text', guidanceScale: 4, isNegativePromptShown: false };
    expect(requestOfDraft(hidden, demo)).toMatchObject({ negativePrompt: '', guidanceScale: 0 });
    const shown = { ...hidden, isNegativePromptShown: true };
    expect(requestOfDraft(shown, demo)).toMatchObject({ negativePrompt: 'text', guidanceScale: 4 });
  });

  test('leaves everything else to the server while no model is known', () => {
    const request = requestOfDraft({ ...emptyDraft, prompt: 'a panda', width: 320 }, undefined);
    expect(request).toEqual({
      priority: 'interactive',
      prompt: 'a panda',
      negativePrompt: '',
      count: 1,
      format: 'png',
      seed: undefined,
    });
  });
});

describe('the model of a draft', () => {
  const other: Model = { ...demo, name: 'other', isDefault: false };

  test('is the one it names, else the default', () => {
    expect(modelOfDraft({ ...emptyDraft, model: 'other' }, [demo, other])?.name).toBe('other');
    expect(modelOfDraft(emptyDraft, [other, demo])?.name).toBe('demo');
    expect(modelOfDraft({ ...emptyDraft, model: 'gone' }, [other, demo])?.name).toBe('demo');
  });

  test('is never one that cannot be used', () => {
    const broken: Model = { ...demo, state: 'unusable' };
    expect(modelOfDraft(emptyDraft, [broken, other])?.name).toBe('other');
    expect(modelOfDraft(emptyDraft, [broken])).toBeUndefined();
  });
});

test('a rolled seed is a whole number below 2^32', () => {
  expect(rollSeed(() => 0)).toBe(0);
  expect(rollSeed(() => 1 - Number.EPSILON)).toBe(2 ** 32 - 1);
});
