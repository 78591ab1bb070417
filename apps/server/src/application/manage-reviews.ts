import { AppError, assert } from '../domain/errors.ts';
import type { Generation, LoraUse } from '../domain/generation.ts';
import type { JobId } from '../domain/ids.ts';
import { accept, type Job } from '../domain/job.ts';
import type { PictureQuality, QualityVerdict } from '../domain/quality/judge.ts';
import { redrawSeed } from '../domain/quality/redraw-seed.ts';
import { countReviewed } from './account-for-jobs.ts';
import { changeJob } from './change-job.ts';
import type { Clock, IdSource, Store, StoreTransaction } from './ports.ts';
import type { Review, ReviewQuery, ReviewRecord, ReviewState } from './quality-ports.ts';
import { type RedrivePorts, redriveInto } from './redrive-jobs.ts';
import type { Asker, SubmitGeneration } from './submit-generation.ts';
import { type Act, writeAudit } from './write-audit.ts';

export interface ManageReviewsPorts extends RedrivePorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly submit: SubmitGeneration;
}

/** Which review, and who decides. */
export interface Decision {
  readonly act: Act;
  readonly who: Asker;
  readonly id: JobId;
}

/** What people decide about pictures that the quality gate held back or marked. Every decision is in the audit log. */
export interface ManageReviews {
  /** Newest first. */
  list(query: ReviewQuery): Promise<{ readonly items: readonly ReviewRecord[]; readonly next: JobId | undefined }>;
  /** The picture counts. @throws AppError `review_not_found`, `review_decided` */
  accept(decision: Decision): Promise<ReviewRecord>;
  /** The picture does not count; one that did leaves the gallery. @throws AppError `review_not_found`, `review_decided` */
  reject(decision: Decision): Promise<ReviewRecord>;
  /**
   * Rejects the picture and has another drawn with a new seed: by the same job when it was held back, else by a new
   * generation. @throws AppError `review_not_found`, `review_decided`, `quota_exceeded` and those of a submission
   */
  redraw(decision: Decision): Promise<ReviewRecord>;
}

export function createManageReviews(ports: ManageReviewsPorts): ManageReviews {
  const { store, clock } = ports;

  async function decide(
    { act, who: { tenantId }, id }: Decision,
    to: Exclude<ReviewState, 'open'>,
    change: (transaction: StoreTransaction, review: Review, job: Job) => Promise<boolean>,
  ): Promise<ReviewRecord> {
    await store.transact(async (transaction) => {
      const review = await transaction.quality.loadReview(tenantId, id);
      const job = review && (await transaction.loadJob(tenantId, id));
      if (review === undefined || job === undefined) throw notFound(id);
      const isOpen = review.state === 'open' && (review.isHeld ? isHeldBack(job) : job.state === 'succeeded');
      if (!isOpen || !(await change(transaction, review, job))) throw decided(review);
      const verdict = to === 'accepted' ? 'accepted' : 'rejected';
      const quality = withVerdict(review.quality, verdict);
      const decision = { state: to, decidedAt: clock.now(), decidedBy: act.caller.name };
      await transaction.quality.saveReview({ ...review, quality, ...decision });
      const before = { verdict: review.quality.verdict };
      const deed = { action: `review.${to}`, target: id, tenantId, before, after: { verdict } };
      await writeAudit(transaction.access, ports, act, deed);
    });
    const record = await store.quality.findReview(tenantId, id);
    assert(record !== undefined, `the review ${id} was there and is not any more`);
    return record;
  }

  return {
    async list(query) {
      const found = await store.quality.reviews({ ...query, limit: query.limit + 1 });
      const items = found.slice(0, query.limit);
      return { items, next: found.length > query.limit ? items.at(-1)?.review.jobId : undefined };
    },
    accept: (decision) =>
      decide(decision, 'accepted', (transaction, review, job) => take(transaction, ports, review, job)),
    reject: (decision) =>
      decide(decision, 'rejected', (transaction, review, job) => drop(transaction, ports, review, job)),
    async redraw(decision) {
      const { tenantId } = decision.who;
      const found = await store.quality.findReview(tenantId, decision.id);
      if (found === undefined) throw notFound(decision.id);
      const { review, generation } = found;
      if (!review.isHeld) {
        const rejected = await decide(decision, 'redrawn', (transaction, own, job) =>
          drop(transaction, ports, own, job),
        );
        await ports.submit({ ...decision.who, ...settingsOf(generation), seed: redrawSeed(review.seed, 1) });
        return rejected;
      }
      return decide(decision, 'redrawn', (transaction, own, job) => {
        const seed = redrawSeed(job.triedSeeds[0] ?? own.seed, job.triedSeeds.length + 1);
        return redriveInto(transaction, job, { ports, who: decision.who, seed });
      });
    },
  };
}

function isHeldBack(job: Job): boolean {
  return job.state === 'failed' && job.lastFault?.code === 'picture_held';
}

/** A picture that was held back becomes that of its job; one that was marked loses its mark. */
async function take(
  transaction: StoreTransaction,
  { clock }: ManageReviewsPorts,
  { isHeld, assetId, timings, warnings, ...review }: Review,
  job: Job,
): Promise<boolean> {
  const quality = withVerdict(review.quality, 'accepted');
  if (!isHeld) return job.state === 'succeeded' && transaction.saveJob(job, { ...job, quality });
  const after = accept(job, { assetId, timings, warnings, quality });
  const asset = await transaction.loadAsset(job.tenantId, assetId);
  if (after === undefined || asset === undefined) return false;
  const at = clock.now();
  if (!(await changeJob(transaction, { before: job, after, at, asset }))) return false;
  await countReviewed(transaction.usage, { job, at, isAccepted: true });
  return true;
}

/** A picture that was held back stays where it is; one that counted leaves the gallery. */
async function drop(
  transaction: StoreTransaction,
  { clock }: ManageReviewsPorts,
  { isHeld, quality }: Review,
  job: Job,
): Promise<boolean> {
  if (isHeld) return true;
  if (job.state !== 'succeeded') return false;
  if (!(await transaction.saveJob(job, { ...job, quality: withVerdict(quality, 'rejected') }))) return false;
  const at = clock.now();
  await transaction.gallery.mark(job.tenantId, [job.id], { deletedAt: at, addTags: [], removeTags: [] });
  await countReviewed(transaction.usage, { job, at, isAccepted: false });
  return true;
}

function withVerdict(quality: PictureQuality, verdict: QualityVerdict): PictureQuality {
  return { ...quality, verdict };
}

/** One more picture with the settings of a generation. */
function settingsOf(generation: Generation): Omit<Parameters<SubmitGeneration>[0], 'tenantId'> {
  const { prompt, negativePrompt, width, height, steps, guidanceScale, model, format, quality, oversize } = generation;
  const { image, mask, loras } = generation;
  const named = loras.map(({ name, strength }: LoraUse) => ({ name, strength }));
  const settings = { prompt, negativePrompt, width, height, steps, guidanceScale, model, format, quality, oversize };
  return { ...settings, count: 1, priority: 'standard', loras: named, image, mask };
}

function notFound(id: JobId): AppError {
  return new AppError('review_not_found', `There is no review of the picture ${id}.`, { details: { id } });
}

function decided({ jobId: id, state }: Review): AppError {
  const what = state === 'open' ? 'its job runs again' : `it is ${state} already`;
  return new AppError('review_decided', `The review of the picture ${id} is closed: ${what}.`, {
    details: { id, state },
  });
}
