import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SqliteStore } from '../../apps/server/src/adapters/sql/sqlite-store.ts';
import { createCancelGeneration } from '../../apps/server/src/application/cancel-generation.ts';
import { createCostBook } from '../../apps/server/src/application/cost-book.ts';
import { createJoinGeneration } from '../../apps/server/src/application/join-generation.ts';
import { createSubmitGeneration } from '../../apps/server/src/application/submit-generation.ts';
import { demo, nextId, request } from '../contracts/job-store.contract.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { noLoras } from '../support/no-loras.ts';

let folder: string;
let store: SqliteStore;
let clock: ManualClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-join-'));
  store = await SqliteStore.open({ folder });
  clock = new ManualClock();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** As two processes over the same records have it. */
function openDoor() {
  const submit = createSubmitGeneration({
    ...{
      store,
      clock,
      ids: { next: nextId },
      loras: noLoras,
      costs: createCostBook('none', []),
      seeds: { pick: () => 1 },
    },
    models: { list: () => [{ kind: 'usable', facts: demo }] },
    disk: { freeBytes: async () => 1, minFreeBytes: 0 },
    ...{ maxAttempts: 4, backOffMs: 0, idempotencyMs: 1 },
  });
  return createJoinGeneration({ store, clock, submit });
}

const key = 'retry k h';
const { tenantId } = request;

it('a repeat joins at another process, and the first one then knows that it is not the last', async () => {
  const [one, two] = [openDoor(), openDoor()];
  const first = await one.begin(request, { key, isRepeat: false });
  const { id } = first.record.generation;
  expect(await one.isLast({ tenantId, key, id, ticket: first.ticket })).toBe(true);
  const second = await two.begin(request, { key, isRepeat: true });
  expect(second.record.generation.id).toBe(id);
  expect(await one.isLast({ tenantId, key, id, ticket: first.ticket })).toBe(false);
  expect(await two.isLast({ tenantId, key, id, ticket: second.ticket })).toBe(true);
});

it('a request that is no repeat is drawn anew, and its repeats join the newer one', async () => {
  const door = openDoor();
  const first = await door.begin(request, { key, isRepeat: false });
  const second = await door.begin(request, { key, isRepeat: false });
  expect(second.record.generation.id).not.toBe(first.record.generation.id);
  const repeat = await door.begin(request, { key, isRepeat: true });
  expect(repeat.record.generation.id).toBe(second.record.generation.id);
});

it('a repeat of what was cancelled or is long ago is drawn anew', async () => {
  const door = openDoor();
  const cancel = createCancelGeneration({ store, clock, ids: { next: nextId }, notifyCancel: () => undefined });
  const first = await door.begin(request, { key, isRepeat: false });
  await cancel(first.record.generation);
  const second = await door.begin(request, { key, isRepeat: true });
  expect(second.record.generation.id).not.toBe(first.record.generation.id);
  clock.advance(15 * 60_000);
  const third = await door.begin(request, { key, isRepeat: true });
  expect(third.record.generation.id).not.toBe(second.record.generation.id);
});
