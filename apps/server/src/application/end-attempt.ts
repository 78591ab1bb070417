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
  redraw,
  release,
} from '../domain/job.ts';
import { redrawSeed } from '../domain/quality/redraw-seed.ts';
import type { CostObservation } from '../domain/scheduling/cost-model.ts';
import type { Warning } from '../domain/warning.ts';
import { changeJob } from './change-job.ts';
import type { CostBook, PictureShape } from './cost-book.ts';
import type { EngineTimings } from './engine-port.ts';
import type { Clock, IdSource, Store, StoredPicture, StoreTransaction } from './ports.ts';
import { qualityFault } from './quality-fault.ts';
import type { GateAnswer } from './quality-gate.ts';
import type { Review } from './quality-ports.ts';
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
  /** What the quality gate said. @default the picture was not measured */
  readonly gate?: GateAnswer | undefined;
  /** What it was, and the device time it took: predictions learn from it. */
  readonly cost: { readonly shape: PictureShape; readonly seen: CostObservation };
  /** What it was like on the device. @default not measured */
  readonly onDevice?: Pick<EngineTimings, 'meanBatch' | 'pixelsMs'> | undefined;
}

/**
 * Ways in which a worker ends an attempt. Each gives the job as it is then, or undefined when the worker had lost it:
 * then nothing was written, and a newer attempt has or had its own say.
 */
export interface EndAttempt {
  /**
   * With a picture whose bytes are stored already. One that the quality gate holds back ends the job as failed with
   * `picture_held` until a reviewer decides.
   */
  complete(held: HeldJob, result: AttemptResult): Promise<Job | undefined>;
  /** With a picture that the quality gate wants to be drawn with another seed. */
  redraw(held: HeldJob, picture: Pick<AttemptResult, 'cost'> & { readonly gate: GateAnswer }): Promise<Job | undefined>;
  /** With a picture that was drawn before, from the same settings. */
  reuse(held: HeldJob, asset: Asset): Promise<Job | undefined>;
  /** With a fault: repeated after a pause, or final. */
  fail(held: HeldJob, fault: JobFault): Promise<Job | undefined>;
  cancel(held: HeldJob): Promise<Job | undefined>;
  /** Hands the job back through no fault of its own, to be claimed again after a pause. */
  release(held: HeldJob, options: { readonly pauseMs: number; readonly fault?: JobFault }): Promise<Job | undefined>;
}

export function createEndAttempt(ports: EndAttemptPorts): EndAttempt {
  const { store, clock } = ports;

  function end(held: HeldJob, change: Change, picture?: EndedPicture): Promise<Job | undefined> {
    return store.transact((transaction) => endIn({ transaction, clock, held }, change, picture));
  }

  return {
    complete: (held, result) => completeWith(ports, held, result),
    redraw: (held, { cost, gate }) =>
      store.transact(async (transaction) => {
        const change: Change = (before, now) => {
          const seed = redrawSeed(before.triedSeeds[0] ?? before.seed, before.triedSeeds.length + 1);
          return redraw(before, held.token, { seed, fault: qualityFault(gate, before, seed), now });
        };
        const picture = { deviceMs: deviceMsOf(cost), isRejected: true };
        const ended = await endIn({ transaction, clock, held }, change, picture);
        if (ended !== undefined) await ports.costs.learn(transaction.queue, cost.shape, cost.seen);
        return ended;
      }),
    reuse(held, asset) {
      const phases = { loadMs: 0, encodeMs: 0, denoiseMs: 0, decodeMs: 0, storeMs: 0 };
      const message = 'The same settings were drawn before; this is that picture.';
      const warnings = [{ code: 'result_reused', message }];
      return end(
        held,
        (before, now) => {
          const timings = timingsOf(before, phases, now);
          return complete(before, held.token, { assetId: asset.id, timings, warnings, now });
        },
        { assetOf: () => asset, deviceMs: 0, isKnown: true },
      );
    },
    fail: (held, fault) => end(held, (before, now) => failAttempt(before, held.token, { fault, now })),
    cancel: (held) => end(held, (before, now) => acknowledgeCancel(before, held.token, now)),
    release: (held, { pauseMs, fault }) =>
      end(held, (before, now) => release(before, held.token, { now, notBefore: now + pauseMs, fault })),
  };
}

type Change = (before: Job, now: number) => Job | undefined;

/** What the attempt drew. */
interface EndedPicture {
  readonly deviceMs: number;
  /** Undefined when the picture is not kept. */
  readonly assetOf?: (before: Job, now: number) => Asset;
  /** Whether it is on record already. */
  readonly isKnown?: boolean;
  /** Whether it does not count. */
  readonly isRejected?: boolean;
}

interface Ending {
  readonly transaction: StoreTransaction;
  readonly clock: Clock;
  readonly held: HeldJob;
}

async function endIn(
  { transaction, clock, held }: Ending,
  change: Change,
  { assetOf, deviceMs, isKnown, isRejected }: Partial<EndedPicture> = {},
): Promise<Job | undefined> {
  const now = clock.now();
  const before = await transaction.loadJob(held.tenantId, held.id);
  const after = before && change(before, now);
  if (before === undefined || after === undefined) return undefined;
  const isKept = after.state === 'succeeded' || (after.state === 'failed' && isRejected === true);
  const asset = isKept ? assetOf?.(before, now) : undefined;
  if (asset !== undefined && isKnown !== true) await transaction.addAsset(asset);
  const isSaved = await changeJob(transaction, { before, after, at: now, asset, deviceMs, isRejected });
  return isSaved ? after : undefined;
}

function completeWith(ports: EndAttemptPorts, held: HeldJob, result: AttemptResult): Promise<Job | undefined> {
  const { store, clock, ids, costs, maxResults = 0 } = ports;
  const { timings: phases, cost, warnings = [], resultKey, gate, ...file } = result;
  const id: AssetId = assetId(ids.next());
  const isHeldBack = gate?.action === 'review';
  const quality = gate?.quality;
  return store.transact(async (transaction) => {
    const change: Change = (before, now) => {
      if (gate !== undefined && isHeldBack) {
        return failAttempt(before, held.token, { fault: qualityFault(gate, before), now });
      }
      return complete(before, held.token, {
        assetId: id,
        timings: timingsOf(before, phases, now),
        warnings,
        quality,
        now,
      });
    };
    const ended = await endIn({ transaction, clock, held }, change, {
      assetOf: (before, now) => ({ ...file, id, tenantId: before.tenantId, createdAt: now }),
      deviceMs: deviceMsOf(cost),
      isRejected: isHeldBack,
    });
    if (ended === undefined || ended.state === 'cancelled') return ended;
    await costs.learn(transaction.queue, cost.shape, cost.seen);
    const at = 'finishedAt' in ended ? ended.finishedAt : clock.now();
    await gate?.keep(transaction.quality);
    if (gate !== undefined && gate.action !== 'pass') {
      const timings = timingsOf(ended, phases, at);
      await transaction.quality.saveReview(openReview(ended, { gate, assetId: id, timings, warnings, at }));
    } else if (resultKey !== undefined && maxResults > 0) {
      await transaction.rememberResult({ tenantId: ended.tenantId, key: resultKey, assetId: id, at }, maxResults);
    }
    return ended;
  });
}

function deviceMsOf({ seen }: AttemptResult['cost']): number {
  return seen.denoiseMs + seen.fixedMs;
}

function openReview(
  { id: jobId, tenantId, generationId, seed }: Job,
  {
    gate,
    at: createdAt,
    ...picture
  }: Pick<Review, 'assetId' | 'timings' | 'warnings'> & { readonly gate: GateAnswer; readonly at: number },
): Review {
  const of = { jobId, tenantId, generationId, seed, ...picture, quality: gate.quality, createdAt };
  return { ...of, state: 'open', isHeld: gate.action === 'review', decidedAt: undefined, decidedBy: undefined };
}

function timingsOf(before: Job, phases: AttemptResult['timings'], now: number): JobTimings {
  const startedAt = ('startedAt' in before ? before.startedAt : undefined) ?? now;
  return { queueMs: startedAt - before.createdAt, ...phases, totalMs: now - before.createdAt };
}
