import { assert } from '../domain/errors.ts';
import type { Generation } from '../domain/generation.ts';
import { jobId, type KeyId, type TenantId, tenantId, type WorkerId } from '../domain/ids.ts';
import { claim, type PriorityClass, type RunningJob } from '../domain/job.ts';
import { type Candidate, CLAIM_WINDOW, CLOSE_MS, pickBatch } from '../domain/scheduling/batch.ts';
import { advance, chooseClass, recordService, type Served } from '../domain/scheduling/fair-share.ts';
import { changeJob } from './change-job.ts';
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
  /** Only jobs of this class; undefined means any. */
  readonly only?: PriorityClass | undefined;
}

export type ClaimJobs = (input: ClaimInput) => Promise<readonly Claim[]>;

export interface ClaimPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Jobs of a tenant that may run at once; undefined means any number. @default no limit for any */
  readonly maxRunningOf?: ((tenant: TenantId) => number | undefined) | undefined;
  /** Keys whose running jobs are limited, with how many there may be. @default none */
  readonly limitedKeys?: (() => ReadonlyMap<KeyId, number>) | undefined;
}

/**
 * Takes the next jobs of the queue in fair order, each under a lease of its own: batch after batch, until `limit` is
 * reached or nothing may run. Each batch comes from one class and is of one shape.
 */
export function createClaimJobs(ports: ClaimPorts): ClaimJobs {
  return ({ workerId, limit, loadedModels = new Set(), only }) =>
    ports.store.transact(async (transaction) => {
      const now = ports.clock.now();
      const { queue } = transaction;
      await queue.readyDue(now);
      const claims: Claim[] = [];
      const blocked = new Set(only === undefined ? [] : classNames.filter((name) => name !== only));
      while (claims.length < limit) {
        const state = await queue.state();
        const name = state.pausedSince === undefined ? nextClass(state, blocked) : undefined;
        if (name === undefined) break;
        const { maxRunningOf = () => undefined } = ports;
        const room = ports.maxRunningOf === undefined ? new Map() : await roomOf(transaction, maxRunningOf);
        const without = [...room].flatMap(([tenant, left]) => (left > 0 ? [] : [tenantId(tenant)]));
        const keyRoom = await keyRoomOf(transaction, ports.limitedKeys?.() ?? new Map());
        const withoutKeys = [...keyRoom].flatMap(([key, left]) => (left > 0 ? [] : [key]));
        const window = { priority: name, limit: Math.max(CLAIM_WINDOW, limit), without, withoutKeys };
        const candidates = await withKeys(transaction, await queue.candidates(window), keyRoom);
        for (const { tenantId: tenant } of candidates) {
          const most = maxRunningOf(tenantId(tenant));
          if (most !== undefined && !room.has(tenant)) room.set(tenant, most);
        }
        const places = limit - claims.length;
        const batch = pickBatch({ candidates, loadedModels, limit: places, closeMs: CLOSE_MS, room, keyRoom });
        const claimed = await claimBatch(transaction, batch, { workerId, now, leaseMs: ports.leaseMs });
        if (claimed.length === 0) blocked.add(name);
        else await recordClaims(transaction, { name, state, claimed });
        claims.push(...claimed);
      }
      return claims;
    });
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

async function claimBatch(
  transaction: StoreTransaction,
  batch: readonly Candidate[],
  request: { readonly workerId: WorkerId; readonly now: number; readonly leaseMs: number },
): Promise<readonly Claim[]> {
  const claims: Claim[] = [];
  for (const { job: before, generation } of await transaction.loadClaimable(batch.map(({ id }) => jobId(id)))) {
    const after = claim(before, request);
    assert(after !== undefined, `job ${before.id} was in the line before its time`);
    if (await changeJob(transaction, { before, after, at: request.now })) claims.push({ job: after, generation });
  }
  return claims;
}

/** Moves the virtual time of the class on, and counts the device time it was given. */
async function recordClaims(
  transaction: StoreTransaction,
  service: { readonly name: PriorityClass; readonly state: QueueState; readonly claimed: readonly Claim[] },
): Promise<void> {
  const { name, state, claimed } = service;
  const { classes } = state;
  let { virtualTime } = classes[name];
  let costMs = 0;
  for (const { job } of claimed) {
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
