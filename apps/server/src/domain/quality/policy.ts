/** What is looked at. */
export const qualityChecks = ['blank', 'clipped', 'blurred', 'duplicate', 'unsafe', 'unattractive'] as const;
export type QualityCheck = (typeof qualityChecks)[number];

/**
 * What happens to a picture that fails a check: `keep` it silently, `mark` it, `retry` it with a new seed, or hold it
 * back for a `review`.
 */
export const qualityActions = ['keep', 'mark', 'retry', 'review'] as const;
export type QualityAction = (typeof qualityActions)[number];

export interface QualityPolicy {
  readonly actions: Readonly<Record<QualityCheck, QualityAction>>;
  /** New seeds that a picture may get, 0 to 10. */
  readonly maxRedraws: number;
  /** What happens to a picture that still fails a check with `retry` then. */
  readonly afterRedraws: Exclude<QualityAction, 'retry'>;
  readonly limits: QualityLimits;
}

export interface QualityLimits {
  /** A picture whose channels vary less (standard deviation, 0 to 127.5) is blank. */
  readonly blankSpread: number;
  /** A picture with a larger share of black, or of white, is clipped. */
  readonly clippedShare: number;
  /** A picture that is this many standard deviations less sharp than the model's normal is blurred. */
  readonly blurDeviations: number;
  /** A picture that differs from another in at most this many of the 64 bits of its hash is a near-duplicate. */
  readonly duplicateBits: number;
  /** A picture with a higher score of the safety model is unsafe. */
  readonly unsafeScore: number;
  /** A picture with a lower score of the aesthetic model is unattractive. */
  readonly aestheticScore: number;
}

/** A policy in parts; what is left out is as in the one below it. */
export interface QualityPolicyChange {
  readonly actions?: Partial<Readonly<Record<QualityCheck, QualityAction | undefined>>> | undefined;
  readonly maxRedraws?: number | undefined;
  readonly afterRedraws?: QualityPolicy['afterRedraws'] | undefined;
  readonly limits?: { readonly [Name in keyof QualityLimits]?: number | undefined } | undefined;
}

/** Marks and rejects nothing. */
export const defaultQualityPolicy: QualityPolicy = Object.freeze({
  actions: Object.freeze({
    blank: 'mark',
    clipped: 'mark',
    blurred: 'mark',
    duplicate: 'mark',
    unsafe: 'mark',
    unattractive: 'mark',
  }),
  maxRedraws: 2,
  afterRedraws: 'review',
  limits: Object.freeze({
    blankSpread: 2,
    clippedShare: 0.98,
    blurDeviations: 4,
    duplicateBits: 2,
    unsafeScore: 0.5,
    aestheticScore: 4,
  }),
});

/** A policy with some of its parts changed. */
export function changePolicy(policy: QualityPolicy, change: QualityPolicyChange): QualityPolicy {
  return {
    actions: { ...policy.actions, ...defined(change.actions) },
    maxRedraws: change.maxRedraws ?? policy.maxRedraws,
    afterRedraws: change.afterRedraws ?? policy.afterRedraws,
    limits: { ...policy.limits, ...defined(change.limits) },
  };
}

function defined<T extends object>(parts: T | undefined): Partial<{ [Name in keyof T]: NonNullable<T[Name]> }> {
  return Object.fromEntries(Object.entries(parts ?? {}).filter(([, value]) => value !== undefined)) as never;
}
