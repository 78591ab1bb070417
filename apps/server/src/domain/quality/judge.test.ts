import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTypical, type JudgeInput, judge } from './judge.ts';
import type { PictureMeasures } from './measures.ts';
import { changePolicy, defaultQualityPolicy, type QualityAction, qualityActions, qualityChecks } from './policy.ts';
import { intentOf, redrawSeed } from './redraw-seed.ts';
import { blurLimit, FEWEST, learnSharpness, type SharpnessNormal } from './sharpness-normal.ts';

const sound: PictureMeasures = { spread: 50, darkShare: 0.1, lightShare: 0.2, sharpness: 10, hash: '00ff00ff00ff00ff' };
const all = (action: QualityAction) =>
  changePolicy(defaultQualityPolicy, { actions: Object.fromEntries(qualityChecks.map((check) => [check, action])) });

function input(measures: Partial<PictureMeasures>, rest: Partial<JudgeInput> = {}): JudgeInput {
  const base = { policy: defaultQualityPolicy, normal: normalOf(100), redraws: 0, intent: 'own', others: [] };
  return { ...base, measures: { ...sound, ...measures }, ...rest };
}

function normalOf(count: number): SharpnessNormal | undefined {
  let normal: SharpnessNormal | undefined;
  for (let at = 0; at < count; at++) normal = learnSharpness(normal, { model: 'm', pixels: 64 }, at % 2 === 0 ? 9 : 11);
  return normal;
}

describe('the quality gate', () => {
  it('lets a sound picture pass and marks what fails a check, but rejects nothing by default', () => {
    expect(judge(input({}))).toEqual({ action: 'pass', reasons: [] });
    expect(judge(input({ spread: 1 }))).toMatchObject({ action: 'mark', reasons: [{ check: 'blank', value: 1 }] });
    expect(judge(input({ darkShare: 0.99 }))).toMatchObject({ action: 'mark', reasons: [{ check: 'clipped' }] });
    expect(judge(input({ sharpness: 1 }))).toMatchObject({ action: 'mark', reasons: [{ check: 'blurred' }] });
    expect(judge(input({ unsafe: 0.9 }))).toMatchObject({ action: 'mark', reasons: [{ check: 'unsafe' }] });
    expect(judge(input({ aesthetic: 1 }))).toMatchObject({ action: 'mark', reasons: [{ check: 'unattractive' }] });
  });

  it('does not call a white background clipped', () => {
    expect(judge(input({ lightShare: 0.9 })).action).toBe('pass');
  });

  it('calls nothing blurred before it has seen what is normal', () => {
    expect(judge(input({ sharpness: 0.01 }, { normal: normalOf(FEWEST - 1) })).action).toBe('pass');
    expect(judge(input({ sharpness: 0.01 }, { normal: undefined })).action).toBe('pass');
  });

  it('finds a picture that is like another one, unless the same prompt and seed were asked for', () => {
    const near = { hash: '00ff00ff00ff00fe', intent: 'another' };
    const far = { hash: 'ff00ff00ff00ff00', intent: 'another' };
    expect(judge(input({}, { others: [far, near] })).reasons).toEqual([{ check: 'duplicate', value: 1, limit: 2 }]);
    expect(judge(input({}, { others: [far] })).action).toBe('pass');
    expect(judge(input({}, { others: [{ ...near, intent: 'own' }] })).action).toBe('pass');
  });

  it('says of a blank picture that it is blank, and nothing that follows from it', () => {
    const near = { hash: sound.hash, intent: 'another' };
    const blank = input({ spread: 0, darkShare: 1, sharpness: 0 }, { others: [near] });
    expect(judge(blank).reasons.map(({ check }) => check)).toEqual(['blank']);
  });

  it('gives new seeds while there are any, and then does what the policy says', () => {
    const policy = all('retry');
    expect(judge(input({ spread: 1 }, { policy, redraws: 0 })).action).toBe('retry');
    expect(judge(input({ spread: 1 }, { policy, redraws: 2 })).action).toBe('review');
    const marks = changePolicy(policy, { afterRedraws: 'mark' });
    expect(judge(input({ spread: 1 }, { policy: marks, redraws: 2 })).action).toBe('mark');
    const keeps = changePolicy(policy, { afterRedraws: 'keep', maxRedraws: 0 });
    expect(judge(input({ spread: 1 }, { policy: keeps })).action).toBe('pass');
  });

  it('does the strictest of what the failed checks ask for', () => {
    const actions = { blurred: 'mark', unsafe: 'review', clipped: 'keep' } as const;
    const policy = changePolicy(defaultQualityPolicy, { actions });
    const verdict = judge(input({ sharpness: 1, unsafe: 1, darkShare: 1 }, { policy }));
    expect(verdict.action).toBe('review');
    expect(verdict.reasons.map(({ check }) => check)).toEqual(['blurred', 'unsafe']);
  });

  it('never retries more often than allowed, and never asks for anything when every check is kept', () => {
    const measures = fc.record({
      spread: fc.double({ min: 0, max: 127, noNaN: true }),
      darkShare: fc.double({ min: 0, max: 1, noNaN: true }),
      sharpness: fc.double({ min: 0, max: 100, noNaN: true }),
      unsafe: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    });
    const action = fc.constantFrom(...qualityActions);
    fc.assert(
      fc.property(measures, action, fc.nat(5), fc.nat(5), (found, wanted, maxRedraws, redraws) => {
        const policy = changePolicy(all(wanted), { maxRedraws });
        const verdict = judge(input(found, { policy, redraws }));
        if (verdict.action === 'retry') expect(redraws).toBeLessThan(maxRedraws);
        if (wanted === 'keep') expect(verdict).toEqual({ action: 'pass', reasons: [] });
        if (verdict.action !== 'pass') expect(verdict.reasons.length).toBeGreaterThan(0);
      }),
      { seed: 5 },
    );
  });

  it('does not learn what is normal from pictures that are not', () => {
    expect(isTypical([])).toBe(true);
    expect(isTypical([{ check: 'duplicate', value: 0, limit: 3 }])).toBe(true);
    expect(isTypical([{ check: 'blurred', value: 0, limit: 3 }])).toBe(false);
  });
});

describe('the normal of a model', () => {
  it('is the mean of the logarithms, with their spread', () => {
    const normal = normalOf(100);
    expect(Math.exp(normal?.mean ?? 0)).toBeCloseTo(Math.sqrt(99), 1);
    expect(Math.sqrt(normal?.variance ?? 0)).toBeCloseTo(Math.log(11 / 9) / 2, 2);
    expect(blurLimit(normal, 4)).toBeCloseTo(Math.sqrt(99) * Math.exp(-4 * 0.2), 1);
  });

  it('follows a change of the model within a few thousand pictures', () => {
    let normal = normalOf(2_000);
    for (let at = 0; at < 5_000; at++) normal = learnSharpness(normal, { model: 'm', pixels: 64 }, 30);
    expect(Math.exp(normal?.mean ?? 0)).toBeGreaterThan(29);
  });
});

describe('the seed of a picture that is drawn once more', () => {
  it('follows from the first seed and the try, and is far from those of its neighbours', () => {
    const seeds = Array.from({ length: 100 }, (_, at) => [1, 2, 3].map((redraw) => redrawSeed(at, redraw))).flat();
    expect(new Set(seeds).size).toBe(300);
    expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 100 && seed < 2 ** 32)).toBe(true);
    expect(redrawSeed(7, 1)).toBe(redrawSeed(7, 1));
    expect(redrawSeed(2 ** 52 + 7, 1)).not.toBe(redrawSeed(7, 1));
  });

  it('is part of what was meant, as the prompt is', () => {
    expect(intentOf({ prompt: 'a cat', seed: 1 })).toBe(intentOf({ prompt: 'a cat', seed: 1 }));
    expect(intentOf({ prompt: 'a cat', seed: 1 })).not.toBe(intentOf({ prompt: 'a cat', seed: 2 }));
    expect(intentOf({ prompt: 'a cat', seed: 1 })).not.toBe(intentOf({ prompt: 'a hat', seed: 1 }));
  });
});
