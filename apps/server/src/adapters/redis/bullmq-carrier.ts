import { randomUUID } from 'node:crypto';
import { type Job as BullJob, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { JobCarrier, TakenOffer } from '../../application/job-carrier.ts';
import type { Clock, Logger } from '../../application/ports.ts';
import type { OfferedJob } from '../../application/queue-ports.ts';
import { jobId, tenantId } from '../../domain/ids.ts';
import type { PriorityClass } from '../../domain/job.ts';
import { carrierErrors, within } from './redis-errors.ts';

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
  readonly lastToken: number;
  /** Rises from one offer to the next, over both queues. */
  readonly place: number;
}

/**
 * Offers as jobs of two BullMQ queues, `interactive` and `others`, fetched by hand: each is completed as soon as the
 * records know whose it is, from where on their lease counts. The id of an offer names the job and the attempt, so
 * laying one out twice changes nothing, also after Redis lost its memory. An offer whose worker died in between comes
 * back through BullMQ's stalled check.
 */
export class BullmqCarrier implements JobCarrier {
  readonly #options: BullmqCarrierOptions;
  readonly #lanes: readonly Lane[];
  #lastPlace = 0;

  constructor(options: BullmqCarrierOptions) {
    this.#options = options;
    this.#lanes = laneNames.map((name) => openLane(name, options));
  }

  async offer(offers: readonly OfferedJob[]): Promise<void> {
    if (offers.length === 0) return;
    await this.#reach(async () => {
      const jobs = offers.map((offer) => toBullJob(offer, this.#nextPlace()));
      for (const { name, queue } of this.#lanes) {
        const own = jobs.filter(({ data }) => laneOf(data.priority) === name);
        if (own.length > 0) await queue.addBulk(own);
      }
    });
  }

  async take({ limit, only }: { readonly limit: number; readonly only?: 'interactive' | undefined }) {
    const taken: TakenOffer[] = [];
    try {
      await this.#reach(async () => {
        for (const lane of await this.#order(limit, only)) {
          const token = randomUUID();
          const job = await lane.worker?.getNextJob(token, { block: false });
          if (job !== undefined) taken.push(this.#taken(job, token));
        }
      });
    } catch (error) {
      // What came before the failure is worked on; the failure shows again at the next try.
      if (taken.length === 0) throw error;
    }
    return taken;
  }

  async waiting(): Promise<{ readonly interactive: number; readonly others: number }> {
    return this.#reach(async () => {
      const [interactive = 0, others = 0] = await Promise.all(
        this.#lanes.map(({ queue }) => queue.getJobCountByTypes('waiting', 'prioritized')),
      );
      return { interactive, others };
    });
  }

  async missing(offers: readonly OfferedJob[]): Promise<readonly OfferedJob[]> {
    return this.#reach(async () => {
      const looks = this.#options.connection.pipeline();
      for (const offer of offers) looks.exists(...this.#lanes.map(({ queue }) => queue.toKey(nameOf(offer))));
      const answers = (await looks.exec()) ?? [];
      return offers.filter((_, at) => {
        const [error, count] = answers[at] ?? [undefined, 0];
        if (error !== null && error !== undefined) throw error;
        return count === 0;
      });
    });
  }

  async close(): Promise<void> {
    for (const { queue, worker } of this.#lanes) {
      // While Redis is away, an orderly farewell would wait for it.
      const leave = async (): Promise<void> => {
        await worker?.close(true);
        await queue.close();
      };
      await within(CLOSE_MS, this.#options.clock, leave).catch(() => undefined);
    }
  }

  /** From which queue each of the next offers comes. */
  async #order(limit: number, only: 'interactive' | undefined): Promise<readonly Lane[]> {
    const lanes = this.#lanes.filter(({ name }) => only === undefined || name === only);
    const heads = await Promise.all(
      lanes.map(async (lane) => {
        const jobs = await lane.queue.getWaiting(0, limit - 1);
        return jobs.map(({ data }) => ({ lane, place: data.place }));
      }),
    );
    const sorted = heads.flat().sort((a, b) => a.place - b.place);
    return sorted.slice(0, limit).map(({ lane }) => lane);
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

interface Lane {
  readonly name: LaneName;
  readonly queue: Queue<OfferData>;
  readonly worker: Worker<OfferData> | undefined;
}

const laneNames = ['interactive', 'others'] as const;
type LaneName = (typeof laneNames)[number];

function laneOf(priority: PriorityClass): LaneName {
  return priority === 'interactive' ? 'interactive' : 'others';
}

function openLane(name: LaneName, options: BullmqCarrierOptions): Lane {
  const { connection, workerConnection, prefix, takes, lockMs = LOCK_MS, log } = options;
  const shared = { prefix: prefix ?? 'imagemill' };
  const onError = (err: Error): void => log.debug({ err, queue: name }, 'BullMQ reports an error');
  const queue = new Queue<OfferData>(name, {
    ...shared,
    connection,
    defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
  });
  queue.on('error', onError);
  if (!takes) return { name, queue, worker: undefined };
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
  return { name, queue, worker };
}

function toBullJob({ jobId: id, tenantId: tenant, priority, lastToken }: OfferedJob, place: number) {
  const data: OfferData = { jobId: id, tenantId: tenant, priority, lastToken, place };
  return { name: priority, data, opts: { jobId: nameOf(data) } };
}

function nameOf({ jobId: id, lastToken }: Pick<OfferData, 'jobId' | 'lastToken'>): string {
  return `${id}-${lastToken}`;
}

const LOCK_MS = 10_000;
const PLACES_A_MS = 1_000;
const CALL_MS = 5_000;
const CLOSE_MS = 1_000;
