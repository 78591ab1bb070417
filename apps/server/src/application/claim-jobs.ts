import { assert } from '../domain/errors.ts';
import type { Generation } from '../domain/generation.ts';
import { type JobId, jobId, type KeyId, type TenantId, tenantId, type WorkerId } from '../domain/ids.ts';
import { claim, type Job, type PriorityClass, type RunningJob } from '../domain/job.ts';
import { type Candidate, CLAIM_WINDOW, CLOSE_MS, pickBatch, type ServedModels } from '../domain/scheduling/batch.ts';
import { advance, chooseClass, recordService, type Served } from '../domain/scheduling/fair-share.ts';
import { modelOfShapeKey } from '../domain/scheduling/shape-key.ts';
import { changeJobs } from './change-job.ts';
import type { Clock, Store, StoreTransaction } from './ports.ts';
import type { QueueState } from './queue-ports.ts';

export interface Claim {
  readonly job: RunningJob;
  readonly generation: Generation;
}

export interface ClaimInput {
  readonly workerId: WorkerId;
  readonly limit: number;
  /** Names of the models that are in the memory of the worker's engine. */
  readonly loadedModels?: ReadonlySet<string> | undefined;
  /** Names of the models that the worker can draw; jobs of others are left. @default any */
  readonly models?: ReadonlySet<string> | undefined;
  /** Only jobs of this class; undefined means any. */
  readonly only?: PriorityClass | undefined;
}

export type ClaimJobs = (input: ClaimInput) => Promise<readonly Claim[]>;

/** How many jobs may be under way at once. */
export interface RunningLimits {
  /** Of a tenant; undefined means any number. @default no limit for any */
  readonly maxRunningOf?: ((tenant: TenantId) => number | undefined) | undefined;
  /** Of the keys that have a limit. @default none */
  readonly limitedKeys?: (() => ReadonlyMap<KeyId, number>) | undefined;
}

export interface ClaimPorts extends RunningLimits {
  readonly store: Store;
  readonly clock: Clock;
  readonly leaseMs: number;
}

/**
 * Takes the next jobs of the queue in fair order, each under a lease of its own: batch after batch, until `limit` is
 * reached or nothing may run. Each batch comes from one class and is of one shape.
 */
export function createClaimJobs(ports: ClaimPorts): ClaimJobs {
  const { store, clock, leaseMs, maxRunningOf, limitedKeys } = ports;
  return ({ workerId, limit, loadedModels = new Set(), models, only }) =>
    store.transact((transaction) => {
      const now = clock.now();
      const without = only === undefined ? [] : classNames.filter((name) => name !== only);
      const served = models && servedAlike(models);
      const input = { now, limit, loadedModels, without, served, maxRunningOf, limitedKeys };
      return pickJobs(transaction, input, (batch) =>
        claimByIds(
          transaction,
          batch.map(({ id }) => jobId(id)),
          { workerId, now, leaseMs },
        ),
      );
    });
}

export interface PickInput extends RunningLimits {
  readonly now: number;
  readonly limit: number;
  /** Names of the models that are in memory where the jobs go. */
  readonly loadedModels: ReadonlySet<string>;
  /** Classes that are passed over. */
  readonly without: readonly PriorityClass[];
  /** @default any model */
  readonly served?: ServedModels | undefined;
}

/** Models of one group without a limit. */
export function servedAlike(names: ReadonlySet<string>): ServedModels {
  return { names, groupOf: (model) => (names.has(model) ? '' : undefined), room: new Map() };
}

/** Goes through the queue in fair order. @param take what is done with a batch; gives those that were really taken */
export async function pickJobs<T extends { readonly job: Job }>(
  transaction: StoreTransaction,
  input: PickInput,
  take: (batch: readonly Candidate[]) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const { queue } = transaction;
  const { limit, loadedModels, maxRunningOf = () => undefined } = input;
  await queue.readyDue(input.now);
  const picked: T[] = [];
  const blocked = new Set(input.without);
  const groupRoom = new Map(input.served?.room);
  while (picked.length < limit) {
    const state = await queue.state();
    const name = state.pausedSince === undefined ? nextClass(state, blocked) : undefined;
    if (name === undefined) break;
    const room = input.maxRunningOf === undefined ? new Map() : await roomOf(transaction, maxRunningOf);
    const without = [...room].flatMap(([tenant, left]) => (left > 0 ? [] : [tenantId(tenant)]));
    const keyRoom = await keyRoomOf(transaction, input.limitedKeys?.() ?? new Map());
    const withoutKeys = [...keyRoom].flatMap(([key, left]) => (left > 0 ? [] : [key]));
    const served = input.served && { ...input.served, room: groupRoom };
    const models = served && openModels(served);
    const window = { priority: name, limit: Math.max(CLAIM_WINDOW, limit), without, withoutKeys, models };
    const candidates = await withKeys(transaction, await queue.candidates(window), keyRoom);
    for (const { tenantId: tenant } of candidates) {
      const most = maxRunningOf(tenantId(tenant));
      if (most !== undefined && !room.has(tenant)) room.set(tenant, most);
    }
    const places = limit - picked.length;
    const request = { candidates, loadedModels, limit: places, closeMs: CLOSE_MS, room, keyRoom, served };
    const taken = await take(pickBatch(request));
    if (taken.length === 0) blocked.add(name);
    else await recordStarts(transaction, { name, state, jobs: taken.map(({ job }) => job) });
    for (const { job } of taken) takeRoom(groupRoom, input.served?.groupOf(modelOfShapeKey(job.place.shapeKey)));
    picked.push(...taken);
  }
  return picked;
}

/** Models whose group has room. */
function openModels({ names, groupOf, room }: ServedModels): ReadonlySet<string> {
  const isOpen = (group: string | undefined): boolean => group !== undefined && (room.get(group) ?? 1) > 0;
  return new Set([...names].filter((name) => isOpen(groupOf(name))));
}

function takeRoom(room: Map<string, number>, group: string | undefined): void {
  const left = group === undefined ? undefined : room.get(group);
  if (group !== undefined && left !== undefined) room.set(group, left - 1);
}

function nextClass({ classes }: QueueState, blocked: ReadonlySet<PriorityClass>): PriorityClass | undefined {
  const waiting = waitingIn(classes);
  for (const name of blocked) waiting.delete(name);
  return chooseClass(waiting, servedIn(classes));
}

/** Jobs that tenants with running jobs may still start. */
async function roomOf(
  transaction: StoreTransaction,
  maxRunningOf: (tenant: TenantId) => number | undefined,
): Promise<Map<string, number>> {
  const room = new Map<string, number>();
  for (const [tenant, jobs] of await transaction.queue.runningByTenant()) {
    const most = maxRunningOf(tenantId(tenant));
    if (most !== undefined) room.set(tenant, Math.max(0, most - jobs));
  }
  return room;
}

/** Jobs that each limited key may still start. */
async function keyRoomOf(
  { queue }: StoreTransaction,
  limits: ReadonlyMap<KeyId, number>,
): Promise<ReadonlyMap<KeyId, number>> {
  if (limits.size === 0) return limits;
  const running = await queue.runningByKey([...limits.keys()]);
  return new Map([...limits].map(([key, most]) => [key, Math.max(0, most - (running.get(key) ?? 0))]));
}

async function withKeys(
  { queue }: StoreTransaction,
  candidates: readonly Candidate[],
  keyRoom: ReadonlyMap<KeyId, number>,
): Promise<readonly Candidate[]> {
  if (keyRoom.size === 0) return candidates;
  const ids = candidates.map(({ id }) => id);
  const keys = await queue.keysOf(ids, [...keyRoom.keys()]);
  return candidates.map((candidate) => ({ ...candidate, keyId: keys.get(candidate.id) }));
}

/** Starts an attempt at each of these jobs that may still be claimed. */
export async function claimByIds(
  transaction: StoreTransaction,
  ids: readonly JobId[],
  request: { readonly workerId: WorkerId; readonly now: number; readonly leaseMs: number },
): Promise<readonly Claim[]> {
  const starts = (await transaction.loadClaimable(ids)).map(({ job: before, generation }) => {
    const after = claim(before, request);
    assert(after !== undefined, `job ${before.id} was in the line before its time`);
    return { before, after, generation, at: request.now };
  });
  const started = await changeJobs(transaction, starts);
  return starts.flatMap(({ after, generation }) => (started.has(after.id) ? [{ job: after, generation }] : []));
}

/** Moves the virtual time of the class on, and counts the device time it was given. */
async function recordStarts(
  transaction: StoreTransaction,
  service: { readonly name: PriorityClass; readonly state: QueueState; readonly jobs: readonly Job[] },
): Promise<void> {
  const { name, state, jobs } = service;
  const { classes } = state;
  let { virtualTime } = classes[name];
  let costMs = 0;
  for (const job of jobs) {
    virtualTime = advance(virtualTime, job.place.startTag);
    costMs += job.place.costMs;
  }
  const served = recordService(servedIn(classes), { name, costMs }, waitingIn(classes));
  for (const other of classNames) {
    if (other !== name && served[other] === classes[other].servedMs) continue;
    const time = other === name ? virtualTime : classes[other].virtualTime;
    await transaction.queue.saveClass(other, { virtualTime: time, servedMs: served[other] });
  }
}

const classNames: readonly PriorityClass[] = ['interactive', 'standard', 'bulk'];

function waitingIn(classes: QueueState['classes']): Set<PriorityClass> {
  return new Set(classNames.filter((name) => classes[name].isWaiting));
}

function servedIn(classes: QueueState['classes']): Served {
  const { interactive, standard, bulk } = classes;
  return { interactive: interactive.servedMs, standard: standard.servedMs, bulk: bulk.servedMs };
}
