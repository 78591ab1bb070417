/**
 * Pulls and checks of models that the server does on order, one after the other so that they do not compete for the
 * disk. They are kept in memory: what a restart breaks off, another pull goes on with.
 */

import { AppError } from '../domain/errors.ts';
import { type Notice, noticeOf } from '../domain/notice.ts';
import { findModel } from './find-model.ts';
import { ModelError } from './model-errors.ts';
import type { FileFault, HubSource } from './model-ports.ts';
import type { Clock, IdSource, Logger, ModelCatalog } from './ports.ts';
import type { PullModel } from './pull-model.ts';
import type { VerifyModel } from './verify-model.ts';

export interface ModelActivity {
  readonly id: string;
  readonly kind: 'pull' | 'verify';
  /** `owner/name` of a pull, the name of the model of a check. */
  readonly model: string;
  readonly state: 'waiting' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly doneBytes: number;
  /** 0 until it is known. */
  readonly totalBytes: number;
  readonly createdAt: number;
  readonly finishedAt: number | undefined;
  /** Why it failed. */
  readonly problem: Notice | undefined;
  /** What a check found. */
  readonly faults: readonly FileFault[];
}

export interface PullOrder {
  readonly repository: string;
  readonly source: HubSource;
  readonly revision?: string | undefined;
}

export interface ModelActivities {
  /** Newest first. */
  list(): readonly ModelActivity[];
  /** @throws AppError `model_busy` while the same model is pulled */
  pull(order: PullOrder): ModelActivity;
  /** @throws AppError `model_not_found`, `model_busy` */
  verify(name: string): ModelActivity;
  /** What was received is kept. One that ended already stays as it is; undefined when there is none. */
  cancel(id: string): ModelActivity | undefined;
  /** Stops all of them. */
  close(): Promise<void>;
}

export interface ModelActivitiesPorts {
  readonly pullFrom: (source: HubSource) => PullModel;
  readonly verifyModel: VerifyModel;
  readonly models: ModelCatalog;
  /** Looks for models anew. */
  readonly refresh: () => Promise<void>;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Logger;
}

interface Entry {
  activity: ModelActivity;
  readonly stop: AbortController;
}

type Work = (entry: Entry, signal: AbortSignal) => Promise<Partial<ModelActivity>>;

export function createModelActivities(ports: ModelActivitiesPorts): ModelActivities {
  const { pullFrom, verifyModel, models, refresh, clock, ids, log } = ports;
  const entries: Entry[] = [];
  let last: Promise<void> = Promise.resolve();

  function set(entry: Entry, change: Partial<ModelActivity>): void {
    entry.activity = { ...entry.activity, ...change };
  }

  function start(kind: ModelActivity['kind'], model: string, work: Work): ModelActivity {
    const isOpen = ({ activity }: Entry): boolean => activity.model === model && activity.finishedAt === undefined;
    if (entries.some(isOpen)) throw new AppError('model_busy', `The model ${model} is being pulled or checked.`);
    const activity: ModelActivity = {
      ...{ id: ids.next(), kind, model, state: 'waiting', doneBytes: 0, totalBytes: 0, createdAt: clock.now() },
      ...{ finishedAt: undefined, problem: undefined, faults: [] },
    };
    const entry: Entry = { activity, stop: new AbortController() };
    entries.unshift(entry);
    entries.splice(MOST_KEPT);
    last = last.then(() => run(entry, work));
    return activity;
  }

  async function run(entry: Entry, work: Work): Promise<void> {
    const { signal } = entry.stop;
    const end = (change: Partial<ModelActivity>): void => set(entry, { ...change, finishedAt: clock.now() });
    if (signal.aborted) return end({ state: 'cancelled' });
    set(entry, { state: 'running' });
    try {
      end(await work(entry, signal));
    } catch (error) {
      if (signal.aborted) return end({ state: 'cancelled' });
      const isKnown = error instanceof ModelError;
      const { kind, model } = entry.activity;
      log.warn({ err: error, model }, `the ${kind} of a model failed`);
      end({ state: 'failed', problem: isKnown ? noticeOf(error) : serverFault });
    }
  }

  return {
    list: () => entries.map(({ activity }) => activity),

    pull: ({ repository, source, revision }) =>
      start('pull', repository, async (entry, signal) => {
        await pullFrom(source)({
          ...{ repository, revision, signal },
          onEvent(event) {
            if (event.type === 'listed') set(entry, { totalBytes: event.totalBytes });
            if (event.type === 'progress') set(entry, { doneBytes: event.doneBytes, totalBytes: event.totalBytes });
          },
        });
        await refresh();
        return { state: 'succeeded', doneBytes: entry.activity.totalBytes };
      }),

    verify(name) {
      const found = findModel(models, name);
      if (found.kind !== 'usable') throw new AppError('model_not_found', `There is no model ${JSON.stringify(name)}.`);
      return start('verify', found.facts.name, async (entry, signal) => {
        const onProgress = (doneBytes: number, totalBytes: number): void => set(entry, { doneBytes, totalBytes });
        const { faults } = await verifyModel({ reference: found.facts.path, signal, onProgress });
        if (faults.length === 0) return { state: 'succeeded', faults };
        const message = `${faults.length} files differ from what they should be.`;
        return {
          state: 'failed',
          faults,
          problem: { code: 'files_differ', message, details: { count: faults.length } },
        };
      });
    },

    cancel(id) {
      const entry = entries.find(({ activity }) => activity.id === id);
      entry?.stop.abort();
      return entry?.activity;
    },

    async close() {
      for (const { stop } of entries) stop.abort();
      await last;
    },
  };
}

const serverFault: Notice = { code: 'internal_error', message: 'A fault of the server; the log has it.' };
/** Activities that are remembered. */
const MOST_KEPT = 50;
