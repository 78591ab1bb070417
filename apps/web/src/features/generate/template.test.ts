import { describe, expect, test } from 'vitest';
import { emptyFieldsOf, fieldsOf, filledNegativePrompt, filledPrompt, needsPrompt } from './template.ts';

const plain = { prompt: 'a cup', negativePrompt: 'text', isNegativePromptShown: false, values: {} };
const shop = { name: 'shop', prompt: '{{prompt}} by {{ maker }}, {{light}} light', negativePrompt: 'blurry' };

describe('a prompt with fields', () => {
  test('asks for what its template and the reader’s own words name, each once', () => {
    expect(fieldsOf({ ...plain, template: shop })).toEqual(['maker', 'light']);
    expect(fieldsOf({ ...plain, prompt: '{{product}} and {{product}}' })).toEqual(['product']);
    expect(emptyFieldsOf({ ...plain, template: shop, values: { maker: ' ', light: 'soft' } })).toEqual(['maker']);
  });

  test('is filled in once: braces and dollars of a value stay what they are', () => {
    const values = { maker: '{{light}} $& Co', light: 'soft' };
    expect(filledPrompt({ ...plain, template: shop, values })).toBe('a cup by {{light}} $& Co, soft light');
    expect(filledPrompt(plain)).toBe('a cup');
  });

  test('needs words of the reader only where it has a place for them', () => {
    expect(needsPrompt({})).toBe(true);
    expect(needsPrompt({ template: shop })).toBe(true);
    expect(needsPrompt({ template: { ...shop, prompt: '{{product}}' } })).toBe(false);
  });

  test('moves away from what its template and the reader name', () => {
    expect(filledNegativePrompt({ ...plain, template: shop })).toBe('blurry');
    expect(filledNegativePrompt({ ...plain, template: shop, isNegativePromptShown: true })).toBe('blurry, text');
    expect(filledNegativePrompt(plain)).toBe('');
  });
});
