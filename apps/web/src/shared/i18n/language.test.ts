import { describe, expect, test } from 'vitest';
import { detectLanguage } from './language.ts';

describe('the language to start in', () => {
  test('the choice made before wins over the browser', () => {
    expect(detectLanguage('en', ['zh-CN', 'en'])).toBe('en');
    expect(detectLanguage('zh-CN', ['en-US'])).toBe('zh-CN');
  });

  test('the first language of the browser that the page speaks is taken', () => {
    expect(detectLanguage(null, ['fr-FR', 'zh-TW', 'en'])).toBe('zh-CN');
    expect(detectLanguage(null, ['de', 'en-GB', 'zh-CN'])).toBe('en');
    expect(detectLanguage(null, ['zh-Hans-CN'])).toBe('zh-CN');
  });

  test('a browser that speaks neither, or a stored word that is no language, gets English', () => {
    expect(detectLanguage(null, ['fr-FR'])).toBe('en');
    expect(detectLanguage('klingon', [])).toBe('en');
    expect(detectLanguage(null, ['zhx'])).toBe('en');
  });
});
