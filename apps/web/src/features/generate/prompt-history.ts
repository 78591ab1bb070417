import { readStored, writeStored } from '../../shared/storage.ts';

const storageKey = 'imagemill.prompts';
/** Prompts that are remembered. */
const most = 50;

/** Prompts that were drawn from in this browser, newest first. */
export function readPrompts(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(readStored(storageKey) ?? '[]');
    return Array.isArray(stored) ? stored.filter((text): text is string => typeof text === 'string') : [];
  } catch {
    return [];
  }
}

/** Remembers a prompt as the newest. */
export function rememberPrompt(prompt: string): void {
  writeStored(storageKey, JSON.stringify(withPrompt(readPrompts(), prompt)));
}

/** A prompt is there once, at the place of its last use. */
export function withPrompt(prompts: readonly string[], prompt: string): readonly string[] {
  return [prompt, ...prompts.filter((known) => known !== prompt)].slice(0, most);
}

/** The prompt before (1) or after (−1) the one that stands in the field; undefined at the ends. */
export function stepThrough(prompts: readonly string[], current: string, direction: 1 | -1): string | undefined {
  return prompts[prompts.indexOf(current) + direction];
}
