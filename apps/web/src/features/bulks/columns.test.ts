import { describe, expect, test } from 'vitest';
import { guessRoles, mappingOf } from './columns.ts';

describe('the columns of a file', () => {
  test('are known by their usual names in either language', () => {
    expect(guessRoles(['Prompt', 'Negative prompt', 'W', 'product'])).toEqual({
      Prompt: 'prompt',
      'Negative prompt': 'negativePrompt',
      W: 'width',
    });
    expect(guessRoles(['提示词', '宽度', '商品'])).toEqual({ 提示词: 'prompt', 宽度: 'width' });
  });

  test('give each setting once', () => {
    expect(guessRoles(['prompt', 'text'])).toEqual({ prompt: 'prompt' });
  });

  test('are told to the server where it would not know them', () => {
    expect(mappingOf({ prompt: 'prompt', 宽: 'width' })).toEqual({ 宽: 'width' });
    expect(mappingOf({ prompt: 'prompt' })).toBeUndefined();
  });
});
