import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openFileFolder } from '../../apps/server/src/adapters/files/file-folder.ts';
import { createOrderDoor } from '../../apps/server/src/adapters/http/openai/batch-lines.ts';
import { SqliteStore } from '../../apps/server/src/adapters/sql/sqlite-store.ts';
import { createCancelGeneration } from '../../apps/server/src/application/cancel-generation.ts';
import { createClaimJobs } from '../../apps/server/src/application/claim-jobs.ts';
import { createCostBook } from '../../apps/server/src/application/cost-book.ts';
import { createEndAttempt } from '../../apps/server/src/application/end-attempt.ts';
import { createManageFiles } from '../../apps/server/src/application/manage-files.ts';
import { createManageOrders } from '../../apps/server/src/application/manage-orders.ts';
import { OrderRunner } from '../../apps/server/src/application/run-orders.ts';
import { createSubmitGeneration } from '../../apps/server/src/application/submit-generation.ts';
import { commandLineCaller } from '../../apps/server/src/domain/access/caller.ts';
import { DEFAULT_TENANT, type FileId, fileId, webhookId, workerId } from '../../apps/server/src/domain/ids.ts';
import type { Order } from '../../apps/server/src/domain/order.ts';
import type { Webhook } from '../../apps/server/src/domain/webhook.ts';
import { demo, held, picture } from '../contracts/job-store.contract.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { noLoras } from '../support/no-loras.ts';
import { requestLine } from '../support/openai-batch.ts';
import { quietLog } from '../support/quiet-log.ts';

const HOUR = 3_600_000;
const tenantId = DEFAULT_TENANT;
const act = { caller: commandLineCaller, address: undefined };
let opened: Awaited<ReturnType<typeof open>>;
beforeEach(async () => {
  opened = await open();
});
afterEach(() => opened.close());

/** Everything of a server that orders need, with a clock that stands still and a worker that draws when told. */
async function open() {
  const path = await mkdtemp(join(tmpdir(), 'imagemill-orders-'));
  const store = await SqliteStore.open({ folder: path });
  const folder = await openFileFolder(join(path, 'files'), { maxBytes: 1_000_000 });
  const clock = new ManualClock();
  let count = 0;
  const ids = { next: () => `${++count}`.padStart(8, '0') };
  const models = { list: () => [{ kind: 'usable' as const, facts: demo }] };
  const disk = { freeBytes: async () => 1, minFreeBytes: 0 };
  const costs = createCostBook('none', []);
  const submit = createSubmitGeneration({
    ...{ store, clock, ids, models, disk, costs, loras: noLoras, seeds: { pick: () => 1 } },
    ...{ maxAttempts: 4, backOffMs: 0, idempotencyMs: HOUR },
  });
  const cancelGeneration = createCancelGeneration({ store, clock, ids, notifyCancel: () => undefined });
  const keepMs = 30 * 24 * HOUR;
  const files = createManageFiles({ store, folder, clock, ids, disk, keepMs, maxTenantBytes: 10_000 });
  const door = createOrderDoor({
    ...{ models, files, assetUrls: { urlOf: ({ id }) => id }, maxUploadBytes: 1_000 },
    uploadAsset: async () => Promise.reject(new Error('no edit is tested here')),
    maskOfAlpha: async () => undefined,
  });
  const ports = { store, folder, clock, ids, door, keepMs, log: quietLog };
  const runner = new OrderRunner({ ...ports, submit, cancelGeneration });
  store.onStored((event) => event.type === 'generation.finished' && runner.generationEnded(event.generationId));
  const claim = createClaimJobs({ store, clock, leaseMs: 10 * HOUR });
  const end = createEndAttempt({ store, clock, ids, costs });
  return {
    ...{ store, clock, folder, files },
    orders: createManageOrders({ ...ports, wake: (order) => runner.wake(order) }),
    /** Makes an endpoint that is told of orders. */
    listen: () => store.transact(({ webhooks }) => webhooks.save(endpoint)),
    async told() {
      const sent = await store.webhooks.deliveries({ tenantId, webhookId: endpoint.id, limit: 9 });
      return sent.map(({ delivery }) => JSON.parse(delivery.payload));
    },
    async draw(limit: number) {
      for (const one of await claim({ workerId: workerId('w'), limit })) await end.complete(held(one), picture);
    },
    async close() {
      await runner.close();
      await store.close();
      await rm(path, { recursive: true });
    },
  };
}

async function upload(lines: readonly string[], keepMs?: number) {
  const bytes = Readable.from([Buffer.from(lines.join('\n'))]);
  const staged = await opened.files.stage({ tenantId, name: 'lines.jsonl', bytes });
  return opened.files.keep(act, { staged, purpose: 'batch', keepMs });
}

function start(inputFileId: FileId, window = '1h'): Promise<Order> {
  const endpoint = '/v1/images/generations';
  const base = { metadata: {}, keepOutputMs: undefined, origin: 'http://localhost' };
  return opened.orders.create(act, { ...base, endpoint, inputFileId, window });
}

/** Lets the runner work, and the clock go on by what it waits for between events, until the order is as wanted. */
async function when({ id }: Order, isWanted: (order: Order) => boolean): Promise<Order> {
  for (;;) {
    const order = await opened.orders.get({ tenantId, id });
    if (isWanted(order)) return order;
    opened.clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function answers(id: FileId | undefined) {
  const { bytes } = await opened.files.open({ tenantId, id: id ?? orderless });
  const chunks = [];
  for await (const chunk of bytes) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString().trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

it('an order whose window ends keeps what was drawn and tells of the rest that it expired', async () => {
  const { id } = await upload(['a', 'b', 'c'].map((name) => requestLine(name)));
  await opened.listen();
  const order = await start(id);
  await when(order, ({ state }) => state === 'in_progress');
  while ((await opened.store.orders.lines(order.id, 1, 3)).length < 3) await new Promise(setImmediate);
  await opened.draw(1);
  await when(order, ({ counts }) => counts.completed === 1);
  opened.clock.advance(HOUR);
  const ended = await when(order, ({ state }) => state === 'expired');
  expect(ended).toMatchObject({ counts: { total: 3, completed: 1, failed: 2 } });
  expect(ended.times.expired).toBeGreaterThanOrEqual(ended.expiresAt);
  expect(await opened.told()).toMatchObject([{ type: 'batch.expired', data: { id: order.id } }]);
  expect(await answers(ended.outputFileId)).toMatchObject([{ custom_id: 'a', response: { status_code: 200 } }]);
  const rest = { response: null, error: { code: 'batch_expired' } };
  expect(await answers(ended.errorFileId)).toMatchObject([
    { custom_id: 'b', ...rest },
    { custom_id: 'c', ...rest },
  ]);
  expect(
    (await opened.store.listGenerations({ tenantId, limit: 9 })).map((one) => one.generation.state).sort(),
  ).toEqual(['cancelled', 'cancelled', 'succeeded']);
});

it('a file is forgotten when its time is over, but not before the order that reads it has ended', async () => {
  const short = await upload(['{}'], HOUR);
  const used = await upload([requestLine('a')], HOUR);
  const order = await start(used.id, '2h');
  await when(order, ({ state }) => state === 'in_progress');
  opened.clock.advance(HOUR + 1);
  await expect(opened.files.get({ tenantId, id: short.id })).rejects.toMatchObject({ code: 'file_not_found' });
  expect(await opened.files.forget()).toBe(1);
  await opened.draw(1);
  const ended = await when(order, ({ state }) => state === 'completed');
  expect(await answers(ended.outputFileId)).toHaveLength(1);
  expect(await opened.files.forget()).toBe(1);
  await expect(opened.folder.open(used.id)).rejects.toMatchObject({ code: 'file_not_found' });
  await expect(start(used.id)).rejects.toMatchObject({ code: 'file_not_found' });
});

const endpoint: Webhook = {
  ...{
    id: webhookId('w'),
    tenantId,
    url: 'https://example.com/',
    description: '',
    events: ['batch.*'],
    secret: 'whsec_',
  },
  ...{ oldSecret: undefined, createdAt: 0, disabled: undefined, failingSince: undefined },
};
const orderless = fileId('file-none');
