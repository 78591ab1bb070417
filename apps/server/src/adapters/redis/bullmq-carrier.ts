import { createHash, randomUUID } from 'node:crypto';
import { type Job as BullJob, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { JobCarrier, TakenOffer, TakeQuery, WaitingOffers } from '../../application/job-carrier.ts';
import type { Clock, Logger } from '../../application/ports.ts';
import type { OfferedJob } from '../../application/queue-ports.ts';
import { within } from '../../application/within.ts';
import { jobId, tenantId } from '../../domain/ids.ts';
import type { PriorityClass } from '../../domain/job.ts';
import { carrierErrors } from './redis-errors.ts';

export interface BullmqCarrierOptions {
  /** Refuses at once while Redis is away; closed by its owner. */
  readonly connection: Redis;
  /** Keeps trying while Redis is away, as BullMQ's workers demand; closed by its owner. */
  readonly workerConnection: Redis;
  /** Starts the name of every key. @default "imagemill" */
  readonly prefix?: string;
  /** Whether this process takes jobs; a feeder does not. */
  readonly takes: boolean;
  /** How long an offer may be in a worker's hands before it is laid back, in ms. @default 10000 */
  readonly lockMs?: number;
  readonly clock: Clock;
  readonly log: Logger;
}

interface OfferData {
  readonly tenantId: string;
  readonly priority: PriorityClass;
  readonly jobId: string;
  readonly model: string;
  readonly lastToken: number;
  /** Rises from one offer to the next, over all queues. */
  readonly place: number;
}

/**
 * Offers as jobs of two BullMQ queues for each model, `interactive` and `others`, so that a worker never gets one that
 * it cannot draw; fetched by hand: each is completed as soon as the
 * records know whose it is, from where on their lease counts. The id of an offer names the job and the attempt, so
 * laying one out twice changes nothing, also after Redis lost its memory. An offer whose worker died in between comes
 * back through BullMQ's stalled check.
 */
export class BullmqCarrier implements JobCarrier {
  readonly #options: BullmqCarrierOptions;
  /** By name; opened when there is something in them. */
  readonly #lanes = new Map<string, Lane>();
  #lastPlace = 0;

  constructor(options: BullmqCarrierOptions) {
    this.#options = options;
  }

  async offer(offers: readonly OfferedJob[]): Promise<void> {
    if (offers.length === 0) return;
    await this.#reach(async () => {
      const byLane = new Map<Lane, ReturnType<typeof toBullJob>[]>();
      for (const offer of offers) {
        const lane = this.#laneOf(offer);
        byLane.set(lane, [...(byLane.get(lane) ?? []), toBullJob(offer, this.#nextPlace())]);
      }
      for (const [{ queue }, jobs] of byLane) await queue.addBulk(jobs);
    });
  }

  async take(query: TakeQuery): Promise<readonly TakenOffer[]> {
    const taken: TakenOffer[] = [];
    try {
      await this.#reach(async () => {
        // All at once: on one connection they are answered in their order.
        const asked = (await this.#order(query)).map(async ({ worker }) => {
          const token = randomUUID();
          const job = await worker?.getNextJob(token, { block: false });
          if (job !== undefined) taken.push(this.#taken(job, token));
        });
        const failed = (await Promise.allSettled(asked)).find(({ status }) => status === 'rejected');
        if (failed?.status === 'rejected') throw failed.reason;
      });
    } catch (error) {
      // What came before the failure is worked on; the failure shows again at the next try.
      if (taken.length === 0) throw error;
    }
    return taken;
  }

  async waiting(): Promise<readonly WaitingOffers[]> {
    return this.#reach(async () => {
      const lanes = [...this.#lanes.values()];
      if (lanes.length === 0) await this.#options.connection.ping();
      const lengths = await this.#lengths(lanes.map(({ queue }) => queue.toKey('wait')));
      const byModel = new Map<string, { interactive: number; others: number }>();
      for (const [at, { model, kind }] of lanes.entries()) {
        const counts = byModel.get(model) ?? { interactive: 0, others: 0 };
        counts[kind] += lengths[at] ?? 0;
        byModel.set(model, counts);
      }
      return [...byModel].map(([model, counts]) => ({ model, ...counts }));
    });
  }

  async missing(offers: readonly OfferedJob[]): Promise<readonly OfferedJob[]> {
    return this.#reach(async () => {
      const looks = this.#options.connection.pipeline();
      for (const offer of offers) {
        // A change of priority leaves it in the lane where it was laid.
        const lanes = laneKinds.map((kind) => this.#lane(kind, offer.model));
        looks.exists(...lanes.map(({ queue }) => queue.toKey(nameOf(offer))));
      }
      const counts = answersOf(await looks.exec());
      return offers.filter((_, at) => counts[at] === 0);
    });
  }

  async close(): Promise<void> {
    const leave = async ({ queue, worker }: Lane): Promise<void> => {
      await worker?.close(true);
      await queue.close();
    };
    // While Redis is away, an orderly farewell would wait for it.
    await Promise.all(
      [...this.#lanes.values()].map((lane) =>
        within(CLOSE_MS, this.#options.clock, () => leave(lane)).catch(() => undefined),
      ),
    );
  }

  /** From which queue each of the next offers comes. */
  async #order({ limit, models, only }: TakeQuery): Promise<readonly Lane[]> {
    const kinds = only === undefined ? laneKinds : [only];
    const lanes = await this.#filled([...models].flatMap((model) => kinds.map((kind) => ({ kind, model }))));
    const heads = await Promise.all(
      lanes.map(async (lane) => {
        const jobs = await lane.queue.getWaiting(0, limit - 1);
        return jobs.map(({ data }) => ({ lane, place: data.place }));
      }),
    );
    const sorted = heads.flat().sort((a, b) => a.place - b.place);
    return sorted.slice(0, limit).map(({ lane }) => lane);
  }

  /** Those with an offer in them, also one in somebody's hands: its worker may be dead, and only who has the queue open looks for that. */
  async #filled(wanted: readonly { readonly kind: LaneKind; readonly model: string }[]): Promise<readonly Lane[]> {
    const keys = wanted.flatMap(({ kind, model }) => {
      const name = `${this.#options.prefix ?? PREFIX}:${laneName(kind, model)}`;
      return [`${name}:wait`, `${name}:active`];
    });
    const lengths = await this.#lengths(keys);
    return wanted
      .filter((_, at) => (lengths[2 * at] ?? 0) + (lengths[2 * at + 1] ?? 0) > 0)
      .map(({ kind, model }) => this.#lane(kind, model));
  }

  async #lengths(keys: readonly string[]): Promise<readonly number[]> {
    if (keys.length === 0) return [];
    const looks = this.#options.connection.pipeline();
    for (const key of keys) looks.llen(key);
    return answersOf(await looks.exec());
  }

  #laneOf({ priority, model }: OfferedJob): Lane {
    return this.#lane(priority === 'interactive' ? 'interactive' : 'others', model);
  }

  #lane(kind: LaneKind, model: string): Lane {
    const name = laneName(kind, model);
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const lane = openLane({ kind, model, name }, this.#options);
    this.#lanes.set(name, lane);
    // BullMQ never uses a queue again whose first words did not reach Redis.
    lane.queue.waitUntilReady().catch(() => {
      if (this.#lanes.get(name) === lane) this.#lanes.delete(name);
      void Promise.allSettled([lane.worker?.close(true), lane.queue.close()]);
    });
    return lane;
  }

  /** Two feeders that follow each other have clocks that agree well enough. */
  #nextPlace(): number {
    this.#lastPlace = Math.max(this.#lastPlace + 1, this.#options.clock.now() * PLACES_A_MS);
    return this.#lastPlace;
  }

  /** BullMQ waits for ever for a connection that was never there, or for an answer that was lost with one. */
  #reach<T>(work: () => Promise<T>): Promise<T> {
    const { connection, clock } = this.#options;
    return carrierErrors(async () => {
      if (connection.status !== 'ready') throw new Error(`the connection is ${connection.status}`);
      return within(CALL_MS, clock, work);
    });
  }

  #taken(job: BullJob<OfferData>, token: string): TakenOffer {
    const { data } = job;
    const offer = { ...data, jobId: jobId(data.jobId), tenantId: tenantId(data.tenantId) };
    const quietly = async (what: string, work: () => Promise<unknown>): Promise<void> => {
      await work().catch((err: unknown) => this.#options.log.debug({ err, jobId: data.jobId }, what));
    };
    return {
      offer,
      settle: () => quietly('an offer could not be taken away', () => job.moveToCompleted(null, token, false)),
      giveBack: () => quietly('an offer could not be laid back', () => job.moveToWait(token)),
    };
  }
}

interface LaneFacts {
  readonly kind: LaneKind;
  readonly model: string;
  readonly name: string;
}

interface Lane extends LaneFacts {
  readonly queue: Queue<OfferData>;
  readonly worker: Worker<OfferData> | undefined;
}

const laneKinds = ['interactive', 'others'] as const;
type LaneKind = (typeof laneKinds)[number];

/** Names of models have characters that those of queues must not have. */
function laneName(kind: LaneKind, model: string): string {
  return `${kind}-${createHash('sha256').update(model).digest('hex').slice(0, 16)}`;
}

/** @throws Error the first failure of a pipeline */
function answersOf(answers: [error: Error | null, result: unknown][] | null): readonly number[] {
  return (answers ?? []).map(([error, count]) => {
    if (error !== null) throw error;
    return Number(count);
  });
}

function openLane(facts: LaneFacts, options: BullmqCarrierOptions): Lane {
  const { name } = facts;
  const { connection, workerConnection, prefix, takes, lockMs = LOCK_MS, log } = options;
  const shared = { prefix: prefix ?? PREFIX };
  const onError = (err: Error): void => log.debug({ err, queue: name }, 'BullMQ reports an error');
  const queue = new Queue<OfferData>(name, {
    ...shared,
    connection,
    defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
  });
  queue.on('error', onError);
  if (!takes) return { ...facts, queue, worker: undefined };
  const worker = new Worker<OfferData>(name, null, {
    ...shared,
    connection: workerConnection,
    autorun: false,
    lockDuration: lockMs,
    stalledInterval: lockMs / 2,
    // Attempts are counted in the records: an offer may come back as often as it must.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
  });
  worker.on('error', onError);
  void worker.startStalledCheckTimer().catch(onError);
  return { ...facts, queue, worker };
}

function toBullJob({ jobId: id, tenantId: tenant, priority, model, lastToken }: OfferedJob, place: number) {
  const data: OfferData = { jobId: id, tenantId: tenant, priority, model, lastToken, place };
  return { name: priority, data, opts: { jobId: nameOf(data) } };
}

function nameOf({ jobId: id, lastToken }: Pick<OfferData, 'jobId' | 'lastToken'>): string {
  return `${id}-${lastToken}`;
}

const PREFIX = 'imagemill';
const LOCK_MS = 10_000;
const PLACES_A_MS = 1_000;
const CALL_MS = 5_000;
const CLOSE_MS = 1_000;
