import { type Bulk, type BulkRow, problemOfError, type RowProblem } from '../domain/bulk.ts';
import { AppError, type AppErrorCode, isAway, storageCodes } from '../domain/errors.ts';
import type { BulkId } from '../domain/ids.ts';
import { type Notice, noticeOf } from '../domain/notice.ts';
import type { BulkSource, EvaluateRow, SourceRow } from './bulk-ports.ts';
import type { CancelGeneration } from './cancel-generation.ts';
import type { Clock, Logger, Store } from './ports.ts';
import type { SubmitGeneration } from './submit-generation.ts';

export interface RunBulksPorts {
  readonly store: Store;
  readonly source: BulkSource;
  readonly evaluate: EvaluateRow;
  readonly submit: SubmitGeneration;
  readonly cancelGeneration: CancelGeneration;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Makes generations of the rows of bulks. A row is submitted under an idempotency key of its own and written down
 * after that, so a bulk that was broken off by a crash goes on where it was and draws nothing twice. Rows that a
 * quota or the disk does not let in for now wait; rows that are wrong are written down as such, and the rest is done.
 */
export class BulkRunner {
  readonly #ports: RunBulksPorts;
  readonly #running = new Map<BulkId, Promise<void>>();
  readonly #stop = new AbortController();

  constructor(ports: RunBulksPorts) {
    this.#ports = ports;
  }

  /** Begins with every bulk that is not read to its end. */
  async look(): Promise<void> {
    for (const bulk of await this.#ports.store.bulks.unfinished()) this.start(bulk);
  }

  /** Also of one that is resumed before its work of before has noticed the pause: that work is waited for. */
  start(bulk: Bulk): void {
    if (this.#stop.signal.aborted) return;
    const before = this.#running.get(bulk.id) ?? Promise.resolve();
    const work = before
      .then(() => this.#run(bulk))
      .catch((error: unknown) => this.#fail(bulk, error))
      .finally(() => {
        if (this.#running.get(bulk.id) === work) this.#running.delete(bulk.id);
      });
    this.#running.set(bulk.id, work);
  }

  /** Leaves off between two groups of rows. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running.values());
  }

  async #run(bulk: Bulk): Promise<void> {
    const { store, source } = this.#ports;
    for await (const group of groupsOf(source.read(bulk.id, bulk.format), GROUP)) {
      if (this.#stop.signal.aborted) return;
      const state = (await store.bulks.find(bulk.tenantId, bulk.id))?.state;
      if (state !== 'reading') return;
      const [from, to] = [group[0]?.line ?? 0, group.at(-1)?.line ?? 0];
      const known = await store.bulks.knownLines(bulk.id, from, to);
      const fresh = group.filter(({ line }) => !known.has(line));
      const rows = (await Promise.all(fresh.map((row) => this.#take(bulk, row)))).filter((row) => row !== undefined);
      const now = await store.transact(async ({ bulks }) => {
        await bulks.addRows(rows);
        const after = (await bulks.find(bulk.tenantId, bulk.id))?.state;
        // Paused while these rows were submitted.
        if (after === 'paused') await bulks.hold(bulk.id);
        return after;
      });
      if (now === 'cancelled') await this.#callOff(rows);
      if (this.#stop.signal.aborted) return;
    }
    await store.transact(({ bulks }) => bulks.move(bulk.id, 'reading', { state: 'submitted', note: undefined }));
  }

  /** Cancels what was submitted while the bulk was cancelled, which whoever cancelled it did not see. */
  async #callOff(rows: readonly BulkRow[]): Promise<void> {
    const { cancelGeneration } = this.#ports;
    const submitted = rows.filter(({ state }) => state === 'submitted');
    const ended = submitted.map(({ tenantId, generationId: id }) => id && cancelGeneration({ tenantId, id }));
    // What has just ended cannot be cancelled, and needs not be.
    await Promise.allSettled(ended);
  }

  /** What became of a row; undefined when the server stops before it got in. */
  async #take(bulk: Bulk, source: SourceRow): Promise<BulkRow | undefined> {
    const { store, evaluate } = this.#ports;
    const { line } = source;
    const base = { bulkId: bulk.id, tenantId: bulk.tenantId, line, generationId: undefined, problem: undefined };
    const broken = (problem: RowProblem): BulkRow => ({ ...base, state: 'broken', hash: undefined, problem });
    if ('problem' in source) return broken(source.problem);
    const evaluated = evaluate(source.row, bulk.settings);
    if ('problem' in evaluated) return broken(evaluated.problem);
    const { input, hash } = evaluated;
    const since = bulk.settings.unchangedSince;
    const earlier = since && (await store.bulks.findByHash(bulk.tenantId, since, hash));
    if (earlier !== undefined) return { ...base, state: 'unchanged', hash, generationId: earlier };
    while (!this.#stop.signal.aborted) {
      try {
        const { generation } = await this.#ports.submit({
          ...input,
          tenantId: bulk.tenantId,
          keyId: bulk.keyId,
          askedBy: bulk.askedBy,
          idempotency: { key: `bulk ${bulk.id} ${line}`, bodyHash: hash },
        });
        return { ...base, state: 'submitted', hash, generationId: generation.id };
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        if (!passing.has(error.code)) return broken(problemOfError(error));
        if (!(await this.#wait(bulk, noticeOf(error)))) return undefined;
      }
    }
    return undefined;
  }

  /** Pauses with the reason on record; false when the bulk was cancelled meanwhile. */
  async #wait(bulk: Bulk, note: Notice): Promise<boolean> {
    const { store, clock } = this.#ports;
    const isGoingOn = await store.transact(({ bulks }) => bulks.move(bulk.id, 'reading', { state: 'reading', note }));
    if (!isGoingOn) return false;
    await new Promise<void>((resolve) => {
      const callOff = clock.after(PAUSE_MS, resolve);
      this.#stop.signal.addEventListener('abort', () => {
        callOff();
        resolve();
      });
    });
    return true;
  }

  async #fail(bulk: Bulk, error: unknown): Promise<void> {
    const { store, log } = this.#ports;
    // It is on record as it was; whoever looks next goes on with it.
    if (isAway(error)) return;
    const isExpected = error instanceof AppError && error.code !== 'internal_error';
    if (!isExpected) log.error({ err: error, bulk: bulk.id }, 'a bulk met a fault of the server');
    const note = isExpected ? noticeOf(error) : serverFault;
    await store
      .transact(({ bulks }) => bulks.move(bulk.id, 'reading', { state: 'failed', note }))
      .catch((err: unknown) => log.warn({ err, bulk: bulk.id }, 'the end of a bulk was not written down'));
  }
}

const serverFault: Notice = { code: 'internal_error', message: 'A fault of the server; its log says more.' };

async function* groupsOf(rows: AsyncIterable<SourceRow>, size: number): AsyncGenerator<readonly SourceRow[]> {
  let group: SourceRow[] = [];
  for await (const row of rows) {
    group.push(row);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** What may be otherwise in a while. */
const passing: ReadonlySet<AppErrorCode> = new Set([...storageCodes, 'quota_exceeded', 'shutting_down']);
/** Rows that share a commit. */
const GROUP = 200;
const PAUSE_MS = 2_000;
