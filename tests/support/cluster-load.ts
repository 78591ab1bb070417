/** A client's work on a cluster whose parts die, and what must be true of the records afterwards. */
import { randomUUID } from 'node:crypto';
import type { Generation } from '@imagemill/api';
import { createClient } from '@imagemill/api/client';
import pg from 'pg';
import { expect } from 'vitest';

/** An api process, or nginx before several. */
export interface Answering {
  readonly url: string;
  /** Sent with every request. @default none */
  readonly headers?: Readonly<Record<string, string>>;
}

function clientOf({ url, headers }: Answering): ReturnType<typeof createClient> {
  return createClient({ baseUrl: url, ...(headers && { headers }) });
}

/** Hands generations in until the time is over, as clients do: again under the same key when no answer came. */
export async function submitUntil(apis: readonly Answering[], end: Promise<unknown>): Promise<readonly Generation[]> {
  let isOver = false;
  const over = end.then(() => {
    isOver = true;
  });
  const generations: Generation[] = [];
  for (let i = 0; !isOver && i < MOST_GENERATIONS; i++) {
    const idempotencyKey = randomUUID();
    const body = { prompt: `boat ${i}`, width: 64, height: 64, steps: 2, count: 2 } as const;
    generations.push(await insist(apis, i, (server) => clientOf(server).submitGeneration(body, { idempotencyKey })));
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 400))]);
  }
  return generations;
}

export async function untilEnded(apis: readonly Answering[], id: string): Promise<Generation> {
  for (;;) {
    const generation = await insist(apis, 0, (server) => clientOf(server).getGeneration(id));
    if (!['queued', 'running'].includes(generation.state)) return generation;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Asks one after the other until one answers. Whatever an api says while the database is away must be a 503. */
async function insist<T>(
  apis: readonly Answering[],
  first: number,
  ask: (server: Answering) => Promise<T>,
): Promise<T> {
  for (let i = first; ; i++) {
    try {
      return await ask(apis[i % apis.length]!);
    } catch (error) {
      const { status, code } = error as { status?: number; code?: string };
      // Status 0: there was no answer at all.
      // Other than the api, nginx has no code for what it says when no api answers.
      if (status && ![502, 504].includes(status))
        expect({ status, code }).toEqual({ status: 503, code: 'database_unavailable' });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Of generations of two pictures each: all succeeded, each once, with its events and without open reservations. */
export async function expectEachJobEndedOnce(url: string, generations: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: jobs } = await client.query(`
      select j.state, j.asset_id,
        (select count(*)::int from events e where e.generation_id = j.generation_id
          and e.type = 'job.succeeded' and e.data::json->>'jobId' = j.id) as ends,
        (select count(*)::int from attempts a where a.job_id = j.id and a.outcome = 'succeeded') as successes
      from jobs j`);
    expect(jobs).toHaveLength(generations * 2);
    for (const job of jobs) expect(job).toMatchObject({ state: 'succeeded', ends: 1, successes: 1 });
    expect(new Set(jobs.map((job: { asset_id: string }) => job.asset_id)).size).toBe(jobs.length);
    const { rows: finished } = await client.query(`
      select generation_id, count(*)::int as times from events where type = 'generation.finished' group by generation_id`);
    expect(finished).toHaveLength(generations);
    for (const { times } of finished) expect(times).toBe(1);
    const { rows: open } = await client.query('select count(*)::int as rows from reservations');
    expect(open).toEqual([{ rows: 0 }]);
  } finally {
    await client.end();
  }
}

/** On a crowded machine the disturbances take minutes. */
const MOST_GENERATIONS = 120;
