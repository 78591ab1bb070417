import type { Asset } from '../domain/asset.ts';
import type { AssetId } from '../domain/ids.ts';
import { assetId } from '../domain/ids.ts';
import {
  acknowledgeCancel,
  complete,
  failAttempt,
  type Job,
  type JobFault,
  type JobTimings,
  release,
} from '../domain/job.ts';
import type { CostObservation } from '../domain/scheduling/cost-model.ts';
import type { Warning } from '../domain/warning.ts';
import { changeJob } from './change-job.ts';
import type { CostBook, PictureShape } from './cost-book.ts';
import type { Clock, IdSource, Store, StoredPicture, StoreTransaction } from './ports.ts';
import type { HeldJob } from './renew-leases.ts';

export interface EndAttemptPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly costs: CostBook;
  /** Results that are remembered; 0 remembers none. @default 0 */
  readonly maxResults?: number | undefined;
}

export interface AttemptResult extends StoredPicture {
  readonly mediaType: string;
  readonly width: number;
  readonly height: number;
  readonly timings: Omit<JobTimings, 'queueMs' | 'totalMs'>;
  /** @default none */
  readonly warnings?: readonly Warning[] | undefined;
  /** Under which the picture may be given again. */
  readonly resultKey?: string | undefined;
  /** What it was, and the device time it took: predictions learn from it. */
  readonly cost: { readonly shape: PictureShape; readonly seen: CostObservation };
}

/**
 * Ways in which a worker ends an attempt. Each gives the job as it is then, or undefined when the worker had lost it:
 * then nothing was written, and a newer attempt has or had its own say.
 */
export interface EndAttempt {
  /** With a picture whose bytes are stored already. */
  complete(held: HeldJob, result: AttemptResult): Promise<Job | undefined>;
  /** With a picture that was drawn before, from the same settings. */
  reuse(held: HeldJob, asset: Asset): Promise<Job | undefined>;
  /** With a fault: repeated after a pause, or final. */
  fail(held: HeldJob, fault: JobFault): Promise<Job | undefined>;
  cancel(held: HeldJob): Promise<Job | undefined>;
  /** Hands the job back through no fault of its own, to be claimed again after a pause. */
  release(held: HeldJob, options: { readonly pauseMs: number; readonly fault?: JobFault }): Promise<Job | undefined>;
}

export function createEndAttempt(ports: EndAttemptPorts): EndAttempt {
  const { store, clock, ids, costs, maxResults = 0 } = ports;

  function end(held: HeldJob, change: (before: Job, now: number) => Job | undefined): Promise<Job | undefined> {
    return store.transact((transaction) => endIn(transaction, held, change));
  }

  async function endIn(
    transaction: StoreTransaction,
    held: HeldJob,
    change: (before: Job, now: number) => Job | undefined,
    picture?: {
      readonly assetOf: (before: Job, now: number) => Asset;
      readonly deviceMs: number;
      readonly isKnown?: boolean;
    },
  ): Promise<Job | undefined> {
    const now = clock.now();
    const before = await transaction.loadJob(held.tenantId, held.id);
    const after = before && change(before, now);
    if (before === undefined || after === undefined) return undefined;
    const asset = after.state === 'succeeded' ? picture?.assetOf(before, now) : undefined;
    if (asset !== undefined && picture?.isKnown !== true) await transaction.addAsset(asset);
    const isSaved = await changeJob(transaction, { before, after, at: now, asset, deviceMs: picture?.deviceMs });
    return isSaved ? after : undefined;
  }

  return {
    complete(held, result) {
      const id: AssetId = assetId(ids.next());
      const { timings: phases, cost, warnings = [], resultKey, ...picture } = result;
      return store.transact(async (transaction) => {
        const ended = await endIn(
          transaction,
          held,
          (before, now) =>
            complete(before, held.token, { assetId: id, timings: timingsOf(before, phases, now), warnings, now }),
          {
            assetOf: (before, now) => ({ ...picture, id, tenantId: before.tenantId, createdAt: now }),
            deviceMs: cost.seen.denoiseMs + cost.seen.fixedMs,
          },
        );
        if (ended?.state !== 'succeeded') return ended;
        await costs.learn(transaction.queue, cost.shape, cost.seen);
        if (resultKey !== undefined && maxResults > 0) {
          const remembered = { tenantId: ended.tenantId, key: resultKey, assetId: id, at: ended.finishedAt };
          await transaction.rememberResult(remembered, maxResults);
        }
        return ended;
      });
    },
    reuse(held, asset) {
      const phases = { loadMs: 0, encodeMs: 0, denoiseMs: 0, decodeMs: 0, storeMs: 0 };
      const message = 'The same settings were drawn before; this is that picture.';
      const warnings = [{ code: 'result_reused', message }];
      return store.transact((transaction) =>
        endIn(
          transaction,
          held,
          (before, now) =>
            complete(before, held.token, {
              assetId: asset.id,
              timings: timingsOf(before, phases, now),
              warnings,
              now,
            }),
          { assetOf: () => asset, deviceMs: 0, isKnown: true },
        ),
      );
    },
    fail: (held, fault) => end(held, (before, now) => failAttempt(before, held.token, { fault, now })),
    cancel: (held) => end(held, (before, now) => acknowledgeCancel(before, held.token, now)),
    release: (held, { pauseMs, fault }) =>
      end(held, (before, now) => release(before, held.token, { now, notBefore: now + pauseMs, fault })),
  };
}

function timingsOf(before: Job, phases: AttemptResult['timings'], now: number): JobTimings {
  const startedAt = before.state === 'running' ? before.startedAt : now;
  return { queueMs: startedAt - before.createdAt, ...phases, totalMs: now - before.createdAt };
}
