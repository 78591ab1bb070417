import { basename } from 'node:path';
import type { EngineItem } from '../../application/engine-port.ts';

/** What is known of a process that ended unasked; no prompt is in it. */
export interface EngineTrouble {
  readonly code: 'engine_stuck' | 'engine_crashed' | 'engine_answer_invalid';
  readonly message: string;
  readonly how: string;
  readonly device: string;
  readonly executionProvider: string | undefined;
  readonly pid: number | undefined;
  /** How long it lived, in ms. */
  readonly livedMs: number;
  /** What was under way: sizes, steps and models. */
  readonly items: readonly Readonly<Record<string, unknown>>[];
  /** Its last lines, without the prompts of what was under way. */
  readonly lastLines: readonly string[];
  readonly dump: object | undefined;
}

/** An item without its prompt. */
export function itemFacts(item: EngineItem, step: number): Readonly<Record<string, unknown>> {
  const { modelPath, precision, width, height, steps, guidanceScale, loras, source } = item;
  const facts = { model: basename(modelPath), precision, width, height, step, steps, guidanceScale };
  return { ...facts, loras: loras.length, hasSource: source !== undefined };
}

/** Lines with the prompts of these items taken out, should a library have printed one. */
export function withoutPrompts(lines: readonly string[], items: readonly EngineItem[]): readonly string[] {
  const prompts = items
    .flatMap(({ prompt, negativePrompt }) => [prompt, negativePrompt])
    .filter((text) => text.trim() !== '');
  return lines.map((line) => prompts.reduce((text, prompt) => text.replaceAll(prompt, '[prompt]'), line));
}
