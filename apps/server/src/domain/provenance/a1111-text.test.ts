import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readA1111Text, takeLoraTags, writeA1111Text } from './a1111-text.ts';
import type { Provenance } from './provenance.ts';

const base: Provenance = {
  software: 'Imagemill 1.2.3',
  origin: 'model',
  prompt: 'a cat',
  negativePrompt: '',
  seed: 7,
  steps: 8,
  width: 512,
  height: 768,
  sampler: 'Euler',
  schedule: 'Simple',
  guidanceScale: 0,
  model: 'demo',
  modelSha256: '0123456789abcdef'.repeat(4),
  loras: [],
};

const words = fc.constantFrom(
  '\n',
  'Negative prompt: ',
  'Steps: 4, ',
  '<lora:a:1>',
  ', ',
  '"',
  '\\',
  ' ',
  '🐼',
  '猫',
  '\r',
);
const prompts = fc
  .array(fc.oneof(words, fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 12 })
  .map((parts) => parts.join('').replaceAll('\u0000', ''));

describe('the text of A1111', () => {
  it('reads as A1111 writes it', () => {
    const loras = [{ name: 'ink, wet', sha256: 'f'.repeat(64), strength: 0.8 }];
    const text = writeA1111Text({ ...base, negativePrompt: 'dog', guidanceScale: 2.5, loras });
    expect(text).toBe(
      'a cat <lora:ink, wet:0.8>\nNegative prompt: dog\nSteps: 8, Sampler: Euler, Schedule type: Simple, CFG scale: 3.5, ' +
        'Seed: 7, Size: 512x768, Model hash: 0123456789, Model: demo, Lora hashes: "ink, wet: ffffffffffff", Version: Imagemill 1.2.3',
    );
  });

  it('gives back any prompt and negative prompt exactly, with all settings', () => {
    const arbitrary = fc.record({
      prompt: prompts,
      negativePrompt: prompts,
      seed: fc.maxSafeNat(),
      steps: fc.integer({ min: 1, max: 100 }),
      guidanceScale: fc.integer({ min: 0, max: 3_000 }).map((hundredths) => hundredths / 100),
      model: fc.string({ minLength: 1, maxLength: 20 }).filter((name) => name.trim() === name),
      loras: fc.array(
        fc.record({
          name: fc.stringMatching(/^[a-z][a-z0-9 ./,-]{0,8}$/),
          sha256: fc.constant('ab'.repeat(32)),
          strength: fc.integer({ min: -40, max: 40 }).map((tenths) => tenths / 10 + 0),
        }),
        { maxLength: 3 },
      ),
    });
    fc.assert(
      fc.property(arbitrary, (settings) => {
        const { prompt, negativePrompt, seed, steps, guidanceScale, model, loras } = settings;
        const back = readA1111Text(writeA1111Text({ ...base, ...settings }));
        expect(back).toMatchObject({
          prompt,
          negativePrompt,
          seed,
          steps,
          guidanceScale,
          model,
          width: 512,
          height: 768,
        });
        if (!/<lora:/.test(prompt)) {
          expect(back?.loras).toEqual(loras.map(({ name, strength }) => ({ name, strength: strength + 0 })));
        }
      }),
      { seed: 45438, numRuns: 2_000 },
    );
  });

  it('reads a text of A1111 with its own extra fields', () => {
    const text =
      'a (cat:1.2), <lora:style:0.7>, night\nsecond line\nNegative prompt: bad,\nblurry\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 965400086, Size: 512x512, Model hash: c0d1994c73, Model: v1-5, Denoising strength: 0.7, Hires upscale: 2, Version: v1.9.3';
    expect(readA1111Text(text)).toMatchObject({
      prompt: 'a (cat:1.2), night\nsecond line',
      negativePrompt: 'bad,\nblurry',
      loras: [{ name: 'style', strength: 0.7 }],
      sampler: 'DPM++ 2M',
      guidanceScale: 6,
      other: { 'Denoising strength': '0.7', Version: 'v1.9.3' },
    });
  });

  it('takes any text for what it is: not of this form, or of it', () => {
    expect(readA1111Text('just a sentence')).toBeUndefined();
    expect(readA1111Text('')).toBeUndefined();
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => void readA1111Text(text)),
      { seed: 1 },
    );
  });

  it.each([
    ['a cat, <lora:x:1>, night', 'a cat, night'],
    ['a cat,<lora:x:1>', 'a cat,'],
    ['a cat <lora:x:1>, night', 'a cat, night'],
    ['a cat, <lora:x:1> night', 'a cat,  night'],
    ['a cat, <lora:x:1>, <lora:y:1>, night', 'a cat, night'],
    ['<lora:x:1>a cat', 'a cat'],
  ])('leaves no comma behind that stood for a LoRA alone: %s', (prompt, rest) => {
    expect(takeLoraTags(prompt).prompt).toBe(rest);
  });

  it('finds LoRAs with and without a strength and leaves what is none', () => {
    expect(takeLoraTags('a <lora:x> b <lora:y:0.5:lbw=1> <lora:z:much>')).toEqual({
      prompt: 'a b <lora:z:much>',
      loras: [
        { name: 'x', strength: 1 },
        { name: 'y', strength: 0.5 },
      ],
    });
  });
});
