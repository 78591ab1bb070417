/** The quality gate: what is looked at in a picture before it counts, what happens then, and what waits for a person. */
import { z } from 'zod';
import { type Asset, assetSchema } from './asset.ts';
import { DEFAULT_PAGE_SIZE, LIMITS } from './limits.ts';
import { idSchema, timestampSchema } from './primitives.ts';

/**
 * `blank` (one colour), `clipped` (nearly all black or white), `blurred` (far less sharp than the model's pictures are),
 * `duplicate` (looks like another picture of the tenant), `unsafe` and `unattractive` (by models of the operator).
 */
export const qualityChecks = ['blank', 'clipped', 'blurred', 'duplicate', 'unsafe', 'unattractive'] as const;
export type QualityCheck = (typeof qualityChecks)[number];

/** `keep` silently, `mark`, `retry` with a new seed, hold back for a `review`. */
export const qualityActions = ['keep', 'mark', 'retry', 'review'] as const;
export type QualityAction = (typeof qualityActions)[number];

/**
 * `passed`, `marked` (kept, with reasons), `held` (waits for a review), `accepted` or `rejected` by a person.
 */
export const qualityVerdicts = ['passed', 'marked', 'held', 'accepted', 'rejected'] as const;
export type QualityVerdict = (typeof qualityVerdicts)[number];

/** A check that a picture failed. */
export interface QualityReason {
  readonly check: QualityCheck;
  readonly value: number;
  readonly limit: number;
}

/** What was measured about a picture. */
export interface PictureMeasures {
  /** Standard deviation of the most varied colour channel, 0 to 127.5. */
  readonly spread: number;
  readonly darkShare: number;
  readonly lightShare: number;
  readonly sharpness: number;
  /** Perceptual hash, 16 hex digits. */
  readonly hash: string;
  readonly unsafe?: number | undefined;
  readonly aesthetic?: number | undefined;
}

export interface PictureQuality {
  readonly verdict: QualityVerdict;
  readonly reasons: readonly QualityReason[];
  readonly measures: PictureMeasures;
}

export const pictureQualitySchema: z.ZodType<PictureQuality> = z
  .object({
    verdict: z.enum(qualityVerdicts),
    reasons: z.array(z.object({ check: z.enum(qualityChecks), value: z.number(), limit: z.number() })),
    measures: z.object({
      spread: z.number(),
      darkShare: z.number(),
      lightShare: z.number(),
      sharpness: z.number(),
      hash: z.string(),
      unsafe: z.number().optional(),
      aesthetic: z.number().optional(),
    }),
  })
  .meta({ id: 'PictureQuality' });

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

export interface QualityPolicy {
  readonly actions: Readonly<Record<QualityCheck, QualityAction>>;
  /** New seeds that a picture may get. */
  readonly maxRedraws: number;
  /** What happens to a picture that still fails a check with `retry` then. */
  readonly afterRedraws: 'keep' | 'mark' | 'review';
  readonly limits: QualityLimits;
}

/** A policy in parts; what is left out stays as it is for the whole installation. */
export interface QualityPolicyChange {
  readonly actions?: { readonly [Check in QualityCheck]?: QualityAction | undefined } | undefined;
  readonly maxRedraws?: number | undefined;
  readonly afterRedraws?: 'keep' | 'mark' | 'review' | undefined;
  readonly limits?: { readonly [Name in keyof QualityLimits]?: number | undefined } | undefined;
}

const action = z.enum(qualityActions);
const checks = {
  blank: action,
  clipped: action,
  blurred: action,
  duplicate: action,
  unsafe: action,
  unattractive: action,
};
const actionsSchema = z.strictObject(checks);
const limitsSchema = z.strictObject({
  blankSpread: z.number().min(0).max(127.5),
  clippedShare: z.number().min(0).max(1),
  blurDeviations: z.number().min(-100).max(100),
  duplicateBits: z.int().min(0).max(64),
  unsafeScore: z.number().min(-1e6).max(1e6),
  aestheticScore: z.number().min(-1e6).max(1e6),
});
const policyShape = {
  actions: actionsSchema,
  maxRedraws: z.int().min(0).max(10),
  afterRedraws: z.enum(['keep', 'mark', 'review']),
  limits: limitsSchema,
};

export const qualityPolicySchema: z.ZodType<QualityPolicy> = z.strictObject(policyShape).meta({ id: 'QualityPolicy' });

export const qualityPolicyChangeSchema: z.ZodType<QualityPolicyChange> = z
  .strictObject({
    actions: actionsSchema.partial().optional(),
    maxRedraws: policyShape.maxRedraws.optional(),
    afterRedraws: policyShape.afterRedraws.optional(),
    limits: limitsSchema.partial().optional(),
  })
  .meta({ id: 'QualityPolicyChange' });

/** Answer of `GET /v1/quality/policy`. */
export interface QualityPolicyAnswer {
  /** As it holds for the tenant. */
  readonly policy: QualityPolicy;
  /** What the tenant changed of the installation's; absent when nothing. */
  readonly own?: QualityPolicyChange | undefined;
}

export const qualityPolicyAnswerSchema: z.ZodType<QualityPolicyAnswer> = z
  .object({ policy: qualityPolicySchema, own: qualityPolicyChangeSchema.optional() })
  .meta({ id: 'QualityPolicyAnswer' });

/** `open` waits for a decision. */
export const reviewStates = ['open', 'accepted', 'rejected', 'redrawn'] as const;
export type ReviewState = (typeof reviewStates)[number];

/** A picture that the gate held back or marked. */
export interface Review {
  /** That of the job. */
  readonly id: string;
  readonly generationId: string;
  readonly state: ReviewState;
  /** Whether the picture does not count before it is accepted; a marked one counts already. */
  readonly held: boolean;
  readonly createdAt: string;
  readonly decidedAt?: string | undefined;
  readonly decidedBy?: string | undefined;
  readonly prompt: string;
  readonly model: string;
  readonly seed: number;
  readonly quality: PictureQuality;
  /** Absent once it was removed. */
  readonly asset?: Asset | undefined;
}

export const reviewSchema: z.ZodType<Review> = z
  .object({
    id: idSchema,
    generationId: idSchema,
    state: z.enum(reviewStates),
    held: z.boolean(),
    createdAt: timestampSchema,
    decidedAt: timestampSchema.optional(),
    decidedBy: z.string().optional(),
    prompt: z.string(),
    model: z.string(),
    seed: z.int().nonnegative(),
    quality: pictureQualitySchema,
    asset: assetSchema.optional(),
  })
  .meta({ id: 'Review' });

/** Query of `GET /v1/reviews`. */
export interface ListReviewsQuery {
  /** 1 to 100. @default 20 */
  readonly limit: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  /** @default open */
  readonly state: ReviewState;
  /** Only those held back, or only those marked. */
  readonly held?: boolean | undefined;
  readonly check?: QualityCheck | undefined;
}

export const listReviewsQuerySchema: z.ZodType<ListReviewsQuery, unknown> = z.strictObject({
  limit: z.coerce.number().int().min(1).max(LIMITS.pageSize).default(DEFAULT_PAGE_SIZE),
  cursor: z.string().min(1).max(200).optional(),
  state: z.enum(reviewStates).default('open'),
  held: z.stringbool({ truthy: ['true'], falsy: ['false'] }).optional(),
  check: z.enum(qualityChecks).optional(),
});

/** One page, newest first. */
export interface ReviewPage {
  readonly items: readonly Review[];
  /** Absent on the last page. */
  readonly nextCursor?: string | undefined;
}

export const reviewPageSchema: z.ZodType<ReviewPage> = z
  .object({ items: z.array(reviewSchema), nextCursor: z.string().optional() })
  .meta({ id: 'ReviewPage' });
