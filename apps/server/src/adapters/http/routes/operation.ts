import {
  historyQuerySchema,
  type SystemHistory,
  systemHistorySchema,
  type WorkerInfo,
  workerListSchema,
} from '@imagemill/api';
import { SILENT_MS } from '../../../application/cluster-engines.ts';
import type { SeenWorker } from '../../../application/worker-board.ts';
import { condense, type HistoryPoint } from '../../../domain/alerting/history.ts';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';
import { presentNotice } from '../present-notice.ts';

export interface OperationRoutePorts {
  readonly workers: () => Promise<readonly SeenWorker[]>;
  /** Jobs that each worker draws now. */
  readonly runningByWorker: () => Promise<ReadonlyMap<string, number>>;
  /** By time. */
  readonly history: (since: number) => Promise<readonly HistoryPoint[]>;
  readonly now: () => number;
}

const read = { permission: 'operations:read' } as const;
const tags = ['operation'];

/** Who draws, and how the last hours were: the same from every process of a cluster. */
export function addOperationRoutes(app: App, ports: OperationRoutePorts): void {
  app.get(
    '/v1/workers',
    {
      config: read,
      schema: {
        operationId: 'listWorkers',
        summary: 'Who draws: process, host, device, state, jobs, when it was heard of last',
        description: 'Those that were heard of in the last ten minutes.',
        tags,
        response: { 200: json('The workers', workerListSchema), ...problems() },
      },
    },
    async () => {
      const [workers, running] = await Promise.all([ports.workers(), ports.runningByWorker()]);
      const now = ports.now();
      return { items: workers.map((worker) => presentWorker(worker, running.get(worker.id) ?? 0, now)) };
    },
  );

  app.get(
    '/v1/system/history',
    {
      config: read,
      schema: {
        operationId: 'getSystemHistory',
        summary: 'Queue, use and memory of the devices, pictures and failures over the last hours',
        description: 'Kept for a day, over restarts.',
        tags,
        querystring: historyQuerySchema,
        response: { 200: json('The history', systemHistorySchema), ...problems(422) },
      },
    },
    async (request) => {
      const { minutes, points: most } = request.query;
      const until = ports.now();
      const since = until - minutes * 60_000;
      const { stepMs, points } = condense(await ports.history(since), { since, until, most });
      return presentHistory({ since, until, stepMs, points });
    },
  );
}

function presentWorker({ id, host, pid, engine, memory, seenAt }: SeenWorker, jobs: number, now: number): WorkerInfo {
  const { device, executionProvider, slots, crashes, problem, notes } = engine;
  const own = engine.state === 'closed' ? 'broken' : engine.state;
  return {
    ...{ id, host, pid, device, executionProvider, slots, jobs, crashes, memory },
    state: now - seenAt > SILENT_MS ? 'silent' : own,
    problem: problem && presentNotice(problem),
    notes: notes.map(presentNotice),
    seenAt: new Date(seenAt).toISOString(),
  };
}

function presentHistory(found: {
  readonly since: number;
  readonly until: number;
  readonly stepMs: number;
  readonly points: readonly HistoryPoint[];
}): SystemHistory {
  const { since, until, stepMs, points } = found;
  return {
    from: new Date(since).toISOString(),
    to: new Date(until).toISOString(),
    stepSeconds: stepMs / 1_000,
    samples: points.map(({ at, queued, running, utilization, memory, succeeded, failed }) => ({
      at: new Date(at).toISOString(),
      ...{ queued, running, succeeded, failed },
      utilization: utilization ?? undefined,
      memory: memory ?? undefined,
    })),
  };
}
