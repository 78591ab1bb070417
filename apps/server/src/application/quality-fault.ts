import type { Job, JobFault } from '../domain/job.ts';
import type { QualityCheck } from '../domain/quality/policy.ts';
import type { GateAnswer } from './quality-gate.ts';

/** Why a picture that was drawn does not count: it waits for a review, or, with a new seed, it is drawn once more. */
export function qualityFault({ reasons, quality }: GateAnswer, { seed }: Job, newSeed?: number): JobFault {
  const found = reasons.map(({ check }) => wordsOf[check]).join(', ');
  const details = { seed, reasons, measures: quality.measures };
  if (newSeed === undefined) {
    const message = `The picture is ${found}; it waits for a review.`;
    return { code: 'picture_held', message, details, retryable: false };
  }
  const message = `The picture of seed ${seed} is ${found}; it is drawn once more with seed ${newSeed}.`;
  return { code: 'picture_redrawn', message, details: { ...details, newSeed }, retryable: true };
}

const wordsOf: Readonly<Record<QualityCheck, string>> = {
  blank: 'of one colour',
  clipped: 'nearly all black or white',
  blurred: 'blurred',
  duplicate: 'like another one',
  unsafe: 'unsafe by the safety model',
  unattractive: 'unattractive by the aesthetic model',
};
