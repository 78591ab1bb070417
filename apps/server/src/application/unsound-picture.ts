import type { Warning } from '../domain/warning.ts';
import type { DrawOutcome } from './engine-port.ts';

/** What is wrong with a picture; undefined for one that holds something, and for every other outcome. */
export function problemOf(outcome: DrawOutcome): string | undefined {
  if (outcome.kind === 'failed') return outcome.fault.code === 'picture_invalid' ? 'held no numbers' : undefined;
  if (outcome.kind !== 'finished') return undefined;
  const { measures } = outcome.picture;
  return measures !== undefined && measures.spread < BLANK_SPREAD ? 'was of one colour' : undefined;
}

/** A picture that was drawn another way than asked, with what to say of it. */
export function withWarning(outcome: DrawOutcome, warning: Warning | undefined): DrawOutcome {
  if (outcome.kind !== 'finished' || warning === undefined) return outcome;
  const warnings = [...(outcome.picture.warnings ?? []), warning];
  return { kind: 'finished', picture: { ...outcome.picture, warnings } };
}

/** Below this standard deviation of every channel a picture is of one colour; a real one is far above. */
const BLANK_SPREAD = 0.5;
