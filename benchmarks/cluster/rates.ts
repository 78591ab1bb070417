/** Rates of the queue alone: stores in this process, devices that take no time. */
import { systemClock } from '../../apps/server/src/adapters/clock.ts';
import { createClaimJobs } from '../../apps/server/src/application/claim-jobs.ts';
import { JobFeeder } from '../../apps/server/src/application/feed-jobs.ts';
import type { JobCarrier } from '../../apps/server/src/application/job-carrier.ts';
import { createTakeJobs } from '../../apps/server/src/application/take-jobs.ts';
import { workerId } from '../../apps/server/src/domain/ids.ts';
import { quietLog } from '../../tests/support/quiet-log.ts';
import { type Bench, benchOn, request, submitMany } from '../queue-load.ts';
import { spread } from '../statistics.ts';
import { type ClusterBench, pause, type Seat } from './cluster-bench.ts';

type Note = (name: string, count: number, ms: number) => void;

export async function printRates(bench: ClusterBench): Promise<void> {
  const { note, print } = rates();
  for (let round = 0; round < bench.options.rounds; round++) {
    await accepted(bench, note);
    if (bench.queue === 'sql') await claimed(bench, note);
    for (const count of [1, 2, 4]) await workedOff(bench, count, note);
  }
  print();
}

/**
 * What the feeder lays out in a second while a backlog waits: alone (the time of its own looks, the window emptied
 * in between), and while four processes take and claim what it lays out.
 */
export async function printFeed(bench: ClusterBench): Promise<void> {
  const { note, print } = rates();
  const { jobs } = bench.options;
  for (let round = 0; round < bench.options.rounds; round++) {
    await bench.withSeats(2, async ([feeding, taking]) => {
      const { feeder, carrier } = feederOf(feeding!);
      await submitBacklog(feeding!, jobs);
      let [laid, busyMs] = [0, 0];
      while (laid < jobs) {
        const startedAt = performance.now();
        await feeder.look();
        busyMs += performance.now() - startedAt;
        for (const { interactive, others } of await carrier.waiting()) laid += interactive + others;
        await takeAll(taking!, 512);
      }
      note('laid out by the feeder, alone', laid, busyMs);
    });
    await bench.withSeats(5, async ([feeding, ...taking]) => {
      const { feeder } = feederOf(feeding!);
      await submitBacklog(feeding!, jobs);
      const startedAt = performance.now();
      let taken = 0;
      const feed = async (): Promise<void> => {
        while (taken < jobs) await feeder.look();
      };
      const take = async (seat: Seat): Promise<void> => {
        while (taken < jobs) {
          const count = await takeAll(seat, 64);
          taken += count;
          if (count === 0) await pause(1);
        }
      };
      await Promise.all([feed(), ...taking.map(take)]);
      note('laid out, taken by 4 processes and claimed', jobs, performance.now() - startedAt);
    });
  }
  print();
}

function rates(): { readonly note: Note; print(): void } {
  const lists = new Map<string, number[]>();
  return {
    note: (name, count, ms) => lists.set(name, [...(lists.get(name) ?? []), count / (ms / 1_000)]),
    print() {
      for (const [name, list] of lists) process.stdout.write(`${name}: ${spread(list, 0)} jobs/s\n`);
    },
  };
}

async function accepted(bench: ClusterBench, note: Note): Promise<void> {
  const { jobs } = bench.options;
  await bench.withSeats(1, async ([seat]) => {
    const { submit } = benchOn(seat!.store, 4);
    let startedAt = performance.now();
    for (let i = 0; i < 200; i++) await submit(request);
    note('accepted, one after the other', 200, performance.now() - startedAt);
    startedAt = performance.now();
    await submitMany(submit, jobs);
    note('accepted, 100 at once', jobs, performance.now() - startedAt);
  });
}

async function claimed(bench: ClusterBench, note: Note): Promise<void> {
  const { jobs } = bench.options;
  for (const limit of [1, 4]) {
    await bench.withSeats(4, async (seats) => {
      await submitBacklog(seats[0]!, jobs);
      const startedAt = performance.now();
      await Promise.all(
        seats.map(async ({ store }, i) => {
          const claim = createClaimJobs({ store, clock: systemClock, leaseMs: LEASE_MS });
          while ((await claim({ workerId: workerId(`w${i}`), limit })).length > 0);
        }),
      );
      note(`claimed by 4 processes, ${limit} at a time`, jobs, performance.now() - startedAt);
    });
  }
}

async function workedOff(bench: ClusterBench, count: number, note: Note): Promise<void> {
  const { jobs } = bench.options;
  await bench.withSeats(count + 1, async ([attending, ...seats]) => {
    const { store } = attending!;
    await submitBacklog(attending!, jobs);
    let done = 0;
    const drained = new Promise<void>((resolve) => {
      store.onStored((event) => {
        if (event.type === 'job.succeeded' && ++done === jobs) resolve();
      });
    });
    const startedAt = performance.now();
    const workers = seats.map((seat) => startWorker(seat));
    const stopFeeding = feedOn(attending!);
    await drained;
    note(`worked off by ${count} workers of four slots`, jobs, performance.now() - startedAt);
    await Promise.all(workers.map((worker) => worker.drain(0)));
    await stopFeeding();
  });
}

function startWorker({ store, carrier }: Seat): ReturnType<Bench['startWorker']> {
  const { bus } = store;
  const onTaken = (): void => bus.publish({ kind: 'duty', name: 'feed' });
  const ports = { store, clock: systemClock, leaseMs: LEASE_MS };
  const claim = carrier === undefined ? undefined : createTakeJobs({ ...ports, carrier, onTaken });
  const worker = benchOn(store, 4, claim).startWorker();
  bus.subscribe(({ kind }) => kind === 'wake' && worker.wake());
  return worker;
}

/** As a process does that leads. */
function feedOn(seat: Seat): () => Promise<void> {
  if (seat.carrier === undefined) return async () => undefined;
  const { feeder } = feederOf(seat);
  const look = (): void => void feeder.look().catch(() => undefined);
  const timer = setInterval(look, 1_000);
  const stopHearing = seat.store.bus.subscribe(({ kind }) => kind === 'duty' && look());
  look();
  return async () => {
    clearInterval(timer);
    stopHearing();
    await feeder.close();
  };
}

function feederOf({ store, carrier }: Seat): { readonly feeder: JobFeeder; readonly carrier: JobCarrier } {
  if (carrier === undefined) throw new Error('a feeder needs Redis');
  const wakeWorkers = (): void => store.bus.publish({ kind: 'wake' });
  return { carrier, feeder: new JobFeeder({ store, carrier, clock: systemClock, log: quietLog, wakeWorkers }) };
}

/** Generations of 32 pictures, so that handing in takes little of the time. */
async function submitBacklog({ store }: Seat, jobs: number): Promise<void> {
  const { submit } = benchOn(store, 4);
  await submitMany((one) => submit({ ...one, count: 32 }), Math.floor(jobs / 32));
  await submitMany((one) => submit(one), jobs % 32);
}

/** Claims what lies there, as a worker of many slots does; gives how many. */
async function takeAll({ store, carrier }: Seat, limit: number): Promise<number> {
  if (carrier === undefined) throw new Error('taking needs Redis');
  const onTaken = (): void => undefined;
  const take = createTakeJobs({ store, carrier, clock: systemClock, leaseMs: LEASE_MS, onTaken });
  return (await take({ workerId: workerId('taker'), models: new Set(['demo']), limit })).length;
}

const LEASE_MS = 3_600_000;
