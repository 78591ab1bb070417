import { AppError, type AppErrorCode, isAway } from '../domain/errors.ts';
import type { GenerationId, OrderId } from '../domain/ids.ts';
import { hasEnded, type Order, type OrderEnd, type OrderLine } from '../domain/order.ts';
import type { CancelGeneration } from './cancel-generation.ts';
import { endOrder } from './end-order.ts';
import type { RequestLine } from './order-ports.ts';
import type { IdSource, Logger } from './ports.ts';
import type { SubmitGeneration } from './submit-generation.ts';
import { validateLines } from './validate-order.ts';
import { groupsOf, type WriteAnswersPorts, writeAnswers } from './write-answers.ts';

export interface RunOrdersPorts extends WriteAnswersPorts {
  readonly submit: SubmitGeneration;
  readonly cancelGeneration: CancelGeneration;
  readonly ids: IdSource;
  readonly log: Logger;
}

/**
 * Works orders off: reads their files, makes generations of the lines, waits for them and writes the answers. Each
 * step is repeated by the next process if this one ends in it, and gives the same again: a line is submitted under an
 * idempotency key of its own, a state moves by compare-and-set.
 */
export class OrderRunner {
  readonly #ports: RunOrdersPorts;
  readonly #running = new Map<OrderId, Promise<void>>();
  /** Called once when something of an order has changed. */
  readonly #wakers = new Map<OrderId, Set<() => void>>();
  readonly #stop = new AbortController();
  #finished: GenerationId[] = [];

  constructor(ports: RunOrdersPorts) {
    this.#ports = ports;
  }

  /** Begins with every order that has not ended, and looks at those again that it works on. */
  async look(): Promise<void> {
    for (const order of await this.#ports.store.orders.unfinished()) this.wake(order);
  }

  /** Begins to work on an order, or looks at it again. */
  wake(order: Order): void {
    if (this.#stop.signal.aborted) return;
    if (this.#running.has(order.id)) {
      this.#tell(order.id);
      return;
    }
    const callOff = this.#expireAt(order);
    const work = this.#run(order)
      .catch((error: unknown) => this.#fail(order, error))
      .finally(() => {
        callOff();
        this.#running.delete(order.id);
      });
    this.#running.set(order.id, work);
  }

  /** To be told of every generation that has ended. */
  generationEnded(id: GenerationId): void {
    if (this.#running.size === 0) return;
    this.#finished.push(id);
    if (this.#finished.length === 1) this.#ports.clock.after(SETTLE_MS, () => void this.#settle());
  }

  /** Leaves off between two groups of lines. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running.values());
  }

  async #run(first: Order): Promise<void> {
    const { store, clock } = this.#ports;
    for (;;) {
      const order = await store.orders.find(first.tenantId, first.id);
      if (order === undefined || hasEnded(order) || this.#stop.signal.aborted) return;
      if (order.expiresAt <= clock.now() && (await this.#expire(order))) continue;
      try {
        await this.#advance(order);
      } catch (error) {
        if (!(error instanceof AppError && passing.has(error.code))) throw error;
        await this.#pause();
      }
    }
  }

  #advance(order: Order): Promise<void> {
    switch (order.state) {
      case 'validating':
        return this.#validate(order);
      case 'in_progress':
        return this.#takeIn(order);
      case 'expiring':
        return this.#callOff(order, 'expired');
      case 'cancelling':
        return this.#callOff(order, 'cancelled');
      default:
        return this.#finish(order);
    }
  }

  async #validate(order: Order): Promise<void> {
    const { store, clock } = this.#ports;
    const isStopped = (): boolean => this.#stop.signal.aborted;
    const { total, errors } = await validateLines(this.#read(order), isStopped);
    if (isStopped()) return;
    const isValid = errors.length === 0;
    const counts = { total, completed: 0, failed: 0 };
    await store.transact(async (transaction) => {
      if (isValid) await transaction.orders.move(order.id, 'validating', 'in_progress', clock.now(), { counts });
      else await endOrder(transaction, order, { from: 'validating', to: 'failed', changes: { errors } }, this.#ports);
    });
  }

  /** Makes generations of all lines that are not on record, then waits until the last has ended. */
  async #takeIn(order: Order): Promise<void> {
    const { store } = this.#ports;
    for await (const group of groupsOf(this.#read(order), GROUP)) {
      if (!(await this.#isIn(order))) return;
      const [from, to] = [group[0]?.line ?? 0, group.at(-1)?.line ?? 0];
      const known = new Set((await store.orders.lines(order.id, from, to)).map(({ line }) => line));
      const fresh = group.filter(({ line }) => !known.has(line));
      const lines = (await Promise.all(fresh.map((line) => this.#take(order, line)))).filter(
        (line) => line !== undefined,
      );
      await store.transact(async ({ orders }) => {
        await orders.addLines(lines);
        // Those that ended before their line was written down.
        await orders.settle({ orderId: order.id, from, to });
      });
      if (lines.length < fresh.length) return;
    }
    await this.#awaitLines(order);
  }

  async #awaitLines(order: Order): Promise<void> {
    const { store, clock } = this.#ports;
    while (await this.#isIn(order)) {
      const change = this.#change(order);
      if ((await store.orders.openLines(order.id, 1)).length === 0) {
        const end = { end: 'completed' } as const;
        await store.transact(({ orders }) => orders.move(order.id, 'in_progress', 'finalizing', clock.now(), end));
        return;
      }
      if ((await change) === 'time') await this.#settleAll(order);
    }
  }

  /** What became of a line; undefined when it was not taken in. */
  async #take(order: Order, line: RequestLine): Promise<OrderLine | undefined> {
    const { door, submit } = this.#ports;
    const { id: orderId, tenantId, keyId, askedBy, endpoint } = order;
    const base = { orderId, tenantId, line: line.line, generationId: undefined, refusal: undefined };
    if ('error' in line) return { ...base, state: 'failed', refusal: { status: 400, body: { error: line.error } } };
    for (;;) {
      try {
        const { input, bodyHash } = await door.evaluate({ tenantId, endpoint, body: line.body });
        const idempotency = { key: `${orderId} ${line.line}`, bodyHash };
        const { generation } = await submit({ ...input, tenantId, keyId, askedBy, idempotency });
        return { ...base, state: 'open', generationId: generation.id };
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        if (!passing.has(error.code)) return { ...base, state: 'failed', refusal: door.refusalOf(error) };
        await this.#pause();
        if (!(await this.#isIn(order))) return undefined;
      }
    }
  }

  /** Cancels what has not ended, waits until it has, and goes on to the answers. */
  async #callOff(order: Order, end: OrderEnd): Promise<void> {
    const { store, clock, cancelGeneration } = this.#ports;
    const { tenantId, state } = order;
    await this.#settleAll(order);
    const change = this.#change(order, PAUSE_MS);
    const open = await store.orders.openLines(order.id, CANCEL_AT_ONCE);
    const ids = open.flatMap(({ generationId }) => generationId ?? []);
    // What has just ended cannot be cancelled, and needs not be.
    await Promise.allSettled(ids.map((id) => cancelGeneration({ tenantId, id })));
    if (open.length > 0) {
      if (open.length < CANCEL_AT_ONCE) await change;
      return;
    }
    const isUnread = order.counts.total === 0;
    await store.transact((transaction) =>
      isUnread
        ? endOrder(transaction, order, { from: state, to: end, changes: { end } }, this.#ports)
        : transaction.orders.move(order.id, state, 'finalizing', clock.now(), { end }),
    );
  }

  async #finish(order: Order): Promise<void> {
    const { store } = this.#ports;
    const { output, errors, usage, counts } = await writeAnswers(order, this.#read(order), this.#ports);
    const end = order.end ?? 'completed';
    await store.transact(async (transaction) => {
      const { orders } = transaction;
      const changes = { outputFileId: output?.id, errorFileId: errors?.id, usage, counts };
      if (!(await endOrder(transaction, order, { from: 'finalizing', to: end, changes }, this.#ports))) return;
      for (const file of [output, errors]) if (file !== undefined) await orders.addFile(file);
      await orders.removeLines(order.id);
    });
  }

  async *#read({ inputFileId, endpoint }: Order): AsyncGenerator<RequestLine> {
    const { folder, door } = this.#ports;
    for await (const line of folder.lines(inputFileId)) yield door.parse(line, endpoint);
  }

  /** Whether lines may still be taken in. */
  async #isIn({ tenantId, id }: Order): Promise<boolean> {
    return !this.#stop.signal.aborted && (await this.#ports.store.orders.find(tenantId, id))?.state === 'in_progress';
  }

  #expireAt(order: Order): () => void {
    const { clock } = this.#ports;
    return clock.after(Math.max(0, order.expiresAt - clock.now()), () => {
      this.#expire(order)
        .then(() => this.#tell(order.id))
        .catch((err: unknown) => this.#ports.log.warn({ err, order: order.id }, 'a batch could not be expired; later'));
    });
  }

  /** False when it is ending already. */
  #expire({ id }: Order): Promise<boolean> {
    const { store, clock } = this.#ports;
    return store.transact(async ({ orders }) => {
      for (const from of ['validating', 'in_progress'] as const) {
        if (await orders.move(id, from, 'expiring', clock.now())) return true;
      }
      return false;
    });
  }

  async #settleAll({ id: orderId }: Order): Promise<void> {
    await this.#ports.store.transact(({ orders }) => orders.settle({ orderId, from: 0, to: MAX_LINE }));
  }

  async #settle(): Promise<void> {
    const generationIds = this.#finished;
    this.#finished = [];
    try {
      for (let at = 0; at < generationIds.length; at += GROUP) {
        const some = generationIds.slice(at, at + GROUP);
        const orders = await this.#ports.store.transact((all) => all.orders.settle({ generationIds: some }));
        for (const id of orders) this.#tell(id);
      }
    } catch (err) {
      this.#ports.log.warn({ err }, 'which lines of batches have ended was not written down; it is later');
    }
  }

  #tell(id: OrderId): void {
    for (const waker of this.#wakers.get(id) ?? []) waker();
  }

  /** Resolves when something of the order has changed, the server stops, or the time is over. */
  async #change({ id }: Order, timeoutMs = LOOK_MS): Promise<'told' | 'time'> {
    let tell: () => void = () => undefined;
    const told = new Promise<'told'>((resolve) => {
      tell = () => resolve('told');
    });
    const wakers = this.#wakers.get(id) ?? new Set();
    this.#wakers.set(id, wakers.add(tell));
    try {
      return await Promise.race([told, this.#pause(timeoutMs, told)]);
    } finally {
      wakers.delete(tell);
      if (wakers.size === 0) this.#wakers.delete(id);
    }
  }

  /** Resolves after the time, or when the server stops or something else has happened. */
  async #pause(ms = PAUSE_MS, sooner?: Promise<unknown>): Promise<'time'> {
    const { signal } = this.#stop;
    if (signal.aborted) return 'time';
    const { clock } = this.#ports;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        callOff();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const callOff = clock.after(ms, end);
      signal.addEventListener('abort', end);
      void sooner?.then(end);
    });
    return 'time';
  }

  async #fail(order: Order, error: unknown): Promise<void> {
    const { store, log } = this.#ports;
    // It is on record as it was; whoever looks next goes on with it.
    if (isAway(error)) return;
    const isExpected = error instanceof AppError && error.code !== 'internal_error';
    if (!isExpected) log.error({ err: error, order: order.id }, 'a batch met a fault of the server');
    const message = isExpected ? error.message : 'A fault of the server; its log says more.';
    const errors = [{ code: isExpected ? error.code : 'server_error', message, param: null, line: null }];
    await store
      .transact(async (transaction) => {
        const now = await transaction.orders.find(order.tenantId, order.id);
        if (now === undefined || hasEnded(now)) return;
        await endOrder(transaction, order, { from: now.state, to: 'failed', changes: { errors } }, this.#ports);
      })
      .catch((err: unknown) => log.warn({ err, order: order.id }, 'the end of a batch was not written down'));
  }
}

/** What may be otherwise in a while. */
const passing: ReadonlySet<AppErrorCode> = new Set([
  'quota_exceeded',
  'disk_full',
  'storage_failed',
  'database_unavailable',
  'site_fenced',
  'shutting_down',
]);
/** Lines that share a commit. */
const GROUP = 200;
const CANCEL_AT_ONCE = 200;
const PAUSE_MS = 2_000;
/** Generations that end within it are written down together. */
const SETTLE_MS = 100;
const MAX_LINE = Number.MAX_SAFE_INTEGER;
/** How often an order is looked at when nothing was heard of it. */
const LOOK_MS = 60_000;
