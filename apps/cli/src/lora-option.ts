import { LIMITS } from '@imagemill/api';
import { optionError } from './cli-error.ts';

/** One `--lora` option: a name of the library or a file, and a strength. */
export interface LoraFlag {
  readonly reference: string;
  readonly strength: number;
}

/** Reads `name`, `name:0.8`, `folder/file.safetensors:-0.5`, after those that were given before. */
export function collectLora(text: string, before: readonly LoraFlag[] = []): readonly LoraFlag[] {
  const [, reference = '', strength = '1'] = /^(.+?)(?::([-+]?[\d.]+))?$/.exec(text) ?? [];
  const value = Number(strength);
  if (reference === '' || !(Math.abs(value) <= LIMITS.loraStrength)) {
    throw optionError(
      '--lora',
      text,
      `name:strength with a strength from -${LIMITS.loraStrength} to ${LIMITS.loraStrength}`,
    );
  }
  if (before.length === LIMITS.loras) throw optionError('--lora', text, `at most ${LIMITS.loras} adapters`);
  return [...before, { reference, strength: value }];
}
