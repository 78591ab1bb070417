import type { Limits } from '../domain/access/limits.ts';
import { findBreach, OPEN, type Period, periodsAt, quotaWords } from '../domain/access/quota.ts';
import {
  assumedDeviceMs,
  costMicros,
  dayOf,
  noUsage,
  type UsageAmounts,
  type UsageKey,
} from '../domain/access/usage.ts';
import { AppError } from '../domain/errors.ts';
import type { JobId, KeyId, TenantId } from '../domain/ids.ts';
import { isFinal, type Job } from '../domain/job.ts';
import { modelOfShapeKey, sizeOfShapeKey } from '../domain/scheduling/shape-key.ts';
import { requireBudget } from './check-budget.ts';
import type { Reservation, SubjectCounter, UsageTransaction } from './usage-ports.ts';

/** Limits of who asks. */
export interface SubjectLimits {
  readonly tenant: Limits;
  readonly key?: Limits | undefined;
}

export interface ReserveRequest {
  readonly tenantId: TenantId;
  readonly keyId: KeyId | undefined;
  readonly jobIds: readonly JobId[];
  /** Predicted device time of each, in ms. */
  readonly costMs: number;
  readonly shapeKey: string;
  readonly limits: SubjectLimits;
  readonly now: number;
  /** Whether this is a request of its own, not jobs that are queued once more. */
  readonly isRequest: boolean;
}

/**
 * Reserves pictures and device time in the transaction that queues the jobs: the counters are raised first and looked
 * at then, so two requests of the same moment cannot both have the last place.
 *
 * @throws AppError `quota_exceeded` naming the quota, what is used, the limit and when it starts anew; `budget_exceeded`
 */
export async function reserve(usage: UsageTransaction, request: ReserveRequest): Promise<void> {
  const { tenantId, keyId, jobIds, costMs, limits, now } = request;
  const pictures = jobIds.length;
  const totalMs = pictures * costMs;
  const amounts = { reserved: pictures, pictures: 0, reservedMs: totalMs, deviceMs: 0 };
  const counters = await usage.addToCounters(
    subjectsOf(keyId).flatMap((subject) => periodsAt(now).map((period) => ({ ...amounts, tenantId, subject, period }))),
  );
  const check = (subject: string, name: string, own: Limits): void => {
    const of = counters.filter((one) => one.subject === subject);
    const breach = findBreach(own, of, { pictures, costMs: totalMs, at: now });
    if (breach === undefined) return;
    const { quota, limit, used, requested, resetsAt } = breach;
    const reset = resetsAt === undefined ? undefined : new Date(resetsAt).toISOString();
    const message =
      `${name} ${quotaWords(breach)}; ${used} are used or reserved and ${requested} more were asked for.` +
      (reset === undefined ? '' : ` It starts anew at ${reset}.`);
    const details = { quota, subject: subject === '' ? 'tenant' : 'key', limit, used, requested, resetsAt: reset };
    throw new AppError('quota_exceeded', message, { details });
  };
  check('', `The tenant ${tenantId}`, limits.tenant);
  if (keyId !== undefined) check(keyId, `The key ${keyId}`, limits.key ?? {});
  await requireBudget(usage, tenantId, now);
  await usage.addReservations(
    jobIds.map((jobId) => ({ jobId, tenantId, keyId: keyId ?? '', costMs, reservedAt: now })),
  );
  if (!request.isRequest) return;
  const key = usageKey({ tenantId, keyId: keyId ?? '', shapeKey: request.shapeKey, at: now });
  await usage.addUsage(key, { ...noUsage, requests: 1 });
}

/** A job before and after a change of its state. */
export interface EndedChange {
  readonly before: Job;
  readonly after: Job;
  readonly at: number;
  /** Device time of the attempt, where it was measured. */
  readonly deviceMs?: number | undefined;
  /** Whether it brought a picture that does not count. */
  readonly isRejected?: boolean | undefined;
}

/** Counts what an attempt used, and settles the reservation of a job that has ended. To be called once a change. */
export async function settle(usage: UsageTransaction, change: EndedChange): Promise<void> {
  const { before, after, at, deviceMs } = change;
  const isEnd = isFinal(after) && !isFinal(before);
  if (before.state !== 'running' && !isEnd) return;
  const reservation = isEnd ? await usage.takeReservation(after.id) : await usage.findReservation(after.id);
  const usedMs =
    before.state === 'running' ? (deviceMs ?? assumedDeviceMs(at - before.startedAt, before.place.costMs)) : 0;
  const pictures = after.state === 'succeeded' ? 1 : 0;
  if (reservation !== undefined) {
    const changes = counterChanges(reservation, { isEnd, pictures, deviceMs: usedMs });
    if (changes.length > 0) await usage.addToCounters(changes);
  }
  const rejected = change.isRejected === true ? 1 : 0;
  const failed = rejected === 0 && (after.state === 'failed' || after.state === 'dead') ? 1 : 0;
  if (usedMs === 0 && pictures === 0 && failed + rejected === 0) return;
  const prices = await usage.prices();
  const cost = prices === undefined ? 0 : costMicros(prices, { pictures, deviceMs: usedMs });
  const { tenantId, place } = after;
  const key = usageKey({ tenantId, keyId: reservation?.keyId ?? '', shapeKey: place.shapeKey, at });
  const amounts: UsageAmounts = { requests: 0, pictures, failed, rejected, deviceMs: usedMs, costMicros: cost };
  await usage.addUsage(key, amounts);
}

/**
 * Counts the decision of a reviewer about a picture that was drawn before: one that was held back counts from now on,
 * or one that counted does not any more. What it cost stays.
 */
export async function countReviewed(
  usage: UsageTransaction,
  { job, at, isAccepted }: { readonly job: Job; readonly at: number; readonly isAccepted: boolean },
): Promise<void> {
  const { tenantId, place } = job;
  const [pictures, rejected] = isAccepted ? [1, -1] : [-1, 1];
  const prices = isAccepted ? await usage.prices() : undefined;
  const cost = prices === undefined ? 0 : costMicros(prices, { pictures: 1, deviceMs: 0 });
  const [day, month] = periodsAt(at);
  const counter = { tenantId, subject: '', reserved: 0, pictures: 1, reservedMs: 0, deviceMs: 0 };
  if (isAccepted) await usage.addToCounters([day, month].map((period) => ({ ...counter, period })));
  const key = usageKey({ tenantId, keyId: '', shapeKey: place.shapeKey, at });
  await usage.addUsage(key, { ...noUsage, pictures, rejected, costMicros: cost });
}

/** Everything is settled in the periods in which it was reserved. */
function counterChanges(
  { tenantId, keyId, costMs, reservedAt }: Reservation,
  ended: { readonly isEnd: boolean; readonly pictures: number; readonly deviceMs: number },
): readonly SubjectCounter[] {
  const back = ended.isEnd ? { reserved: -1, reservedMs: -costMs } : { reserved: 0, reservedMs: 0 };
  const used = (period: Period): { pictures: number; deviceMs: number } =>
    period === OPEN ? { pictures: 0, deviceMs: 0 } : { pictures: ended.pictures, deviceMs: ended.deviceMs };
  return subjectsOf(keyId === '' ? undefined : keyId).flatMap((subject) =>
    periodsAt(reservedAt)
      .filter((period) => ended.isEnd || period !== OPEN)
      .map((period) => ({ tenantId, subject, period, ...back, ...used(period) })),
  );
}

/** The tenant first: every transaction writes counters in the same order, so none waits for another in a circle. */
function subjectsOf(keyId: string | undefined): readonly string[] {
  return keyId === undefined ? [''] : ['', keyId];
}

function usageKey(of: { tenantId: TenantId; keyId: string; shapeKey: string; at: number }): UsageKey {
  const { tenantId, keyId, shapeKey, at } = of;
  return { tenantId, keyId, day: dayOf(at), model: modelOfShapeKey(shapeKey), size: sizeOfShapeKey(shapeKey) };
}
