/** The quality gate's decision about one picture. Pure. */
import type { PictureMeasures } from './measures.ts';
import { hashDistance } from './picture-hash.ts';
import type { QualityAction, QualityCheck, QualityPolicy } from './policy.ts';
import { blurLimit, type SharpnessNormal } from './sharpness-normal.ts';

/** A check that a picture failed, with what was found and where the limit was. */
export interface QualityReason {
  readonly check: QualityCheck;
  readonly value: number;
  readonly limit: number;
}

export type QualityVerdict = 'passed' | 'marked' | 'held' | 'accepted' | 'rejected';

/** What is kept about the quality of a picture. */
export interface PictureQuality {
  readonly verdict: QualityVerdict;
  readonly reasons: readonly QualityReason[];
  readonly measures: PictureMeasures;
}

/** Another picture of the tenant, for the search for near-duplicates. */
export interface KnownPicture {
  readonly hash: string;
  /** Equal for pictures that were asked for by the same prompt and seed: they are meant to be alike. */
  readonly intent: string;
}

export interface JudgeInput {
  readonly measures: PictureMeasures;
  readonly policy: QualityPolicy;
  /** Undefined while nothing was learnt. */
  readonly normal: SharpnessNormal | undefined;
  /** Seeds that the picture was given after its first one. */
  readonly redraws: number;
  readonly intent: string;
  readonly others: Iterable<KnownPicture>;
}

export interface Judgement {
  readonly action: 'pass' | 'mark' | 'retry' | 'review';
  /** Every check that failed, but for those to be kept. */
  readonly reasons: readonly QualityReason[];
}

/** What happens to a picture: the strictest of what its failed checks ask for, new seeds first while there are any. */
export function judge(input: JudgeInput): Judgement {
  const { policy, redraws } = input;
  const reasons = failedChecks(input).filter(({ check }) => policy.actions[check] !== 'keep');
  const wanted = new Set<QualityAction>(reasons.map(({ check }) => policy.actions[check]));
  if (wanted.has('retry') && redraws < policy.maxRedraws) return { action: 'retry', reasons };
  if (wanted.delete('retry')) wanted.add(policy.afterRedraws);
  if (wanted.has('review')) return { action: 'review', reasons };
  return { action: wanted.has('mark') ? 'mark' : 'pass', reasons };
}

/** Whether a picture says something about how sharp pictures of its model are. */
export function isTypical(reasons: readonly QualityReason[]): boolean {
  return !reasons.some(({ check }) => check === 'blank' || check === 'clipped' || check === 'blurred');
}

function failedChecks({ measures, policy: { limits }, normal, intent, others }: JudgeInput): readonly QualityReason[] {
  const { spread, darkShare, lightShare, sharpness, unsafe, aesthetic } = measures;
  const found: QualityReason[] = [];
  const isBlank = spread < limits.blankSpread;
  const clipped = Math.max(darkShare, lightShare);
  // A blank picture has no detail: what else could be said about it follows from that.
  if (isBlank) found.push({ check: 'blank', value: spread, limit: limits.blankSpread });
  else {
    if (clipped > limits.clippedShare) found.push({ check: 'clipped', value: clipped, limit: limits.clippedShare });
    const least = blurLimit(normal, limits.blurDeviations);
    if (least !== undefined && sharpness < least) found.push({ check: 'blurred', value: sharpness, limit: least });
    const nearest = nearestOther(measures.hash, intent, others);
    if (nearest <= limits.duplicateBits) {
      found.push({ check: 'duplicate', value: nearest, limit: limits.duplicateBits });
    }
  }
  if (unsafe !== undefined && unsafe > limits.unsafeScore) {
    found.push({ check: 'unsafe', value: unsafe, limit: limits.unsafeScore });
  }
  if (aesthetic !== undefined && aesthetic < limits.aestheticScore) {
    found.push({ check: 'unattractive', value: aesthetic, limit: limits.aestheticScore });
  }
  return found;
}

function nearestOther(hash: string, intent: string, others: Iterable<KnownPicture>): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (const other of others) {
    if (other.intent !== intent) nearest = Math.min(nearest, hashDistance(hash, other.hash));
  }
  return nearest;
}
