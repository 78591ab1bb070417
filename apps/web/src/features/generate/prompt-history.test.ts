import { describe, expect, test } from 'vitest';
import { stepThrough, withPrompt } from './prompt-history.ts';

describe('the prompts of before', () => {
  test('hold each prompt once, the last one first, and not without end', () => {
    expect(withPrompt(['b', 'a'], 'a')).toEqual(['a', 'b']);
    const many = Array.from({ length: 80 }, (_, index) => String(index));
    expect(withPrompt(many, 'new')).toHaveLength(50);
  });

  test('are gone through from what stands in the field', () => {
    const prompts = ['c', 'b', 'a'];
    expect(stepThrough(prompts, 'something typed', 1)).toBe('c');
    expect(stepThrough(prompts, 'c', 1)).toBe('b');
    expect(stepThrough(prompts, 'b', -1)).toBe('c');
    expect(stepThrough(prompts, 'a', 1)).toBeUndefined();
    expect(stepThrough(prompts, 'c', -1)).toBeUndefined();
  });
});
