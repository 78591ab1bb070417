import type { Generation, GenerationEvent, GenerationState, Job, JobState } from '@imagemill/api';

/** How far a list knows a generation, in pages newest first. */
export interface GenerationPages {
  readonly items: readonly Generation[];
  readonly nextCursor?: string | undefined;
}

export function isFinalState(state: JobState): boolean {
  return state !== 'queued' && state !== 'running';
}

export function isFinished(generation: Generation): boolean {
  return generation.jobs.every((job) => isFinalState(job.state));
}

/** State of a generation with these jobs, by the rule in the API's contract. */
export function stateOfJobs(jobs: readonly Job[]): GenerationState {
  const has = (...states: JobState[]): boolean => jobs.some((job) => states.includes(job.state));
  if (has('queued', 'running')) return jobs.every((job) => job.state === 'queued') ? 'queued' : 'running';
  if (has('succeeded')) return jobs.every((job) => job.state === 'succeeded') ? 'succeeded' : 'partial';
  return has('failed', 'dead') ? 'failed' : 'cancelled';
}

/**
 * The generation after an event. Repeats and latecomers change nothing: a stream that starts again from the first
 * event leads to the same state.
 */
export function applyEvent(generation: Generation, event: GenerationEvent): Generation {
  if (event.type === 'generation.finished') return { ...generation, state: event.state, finishedAt: event.at };
  const jobs = generation.jobs.map((job) => (job.id === event.jobId ? applyToJob(job, event) : job));
  return { ...generation, jobs, state: stateOfJobs(jobs) };
}

function applyToJob(job: Job, event: Exclude<GenerationEvent, { type: 'generation.finished' }>): Job {
  if (isFinalState(job.state) || event.attempt < job.attempt || isReplay(job, event)) return job;
  const { attempt } = event;
  const none = { step: 0, steps: job.progress.steps };
  switch (event.type) {
    case 'job.queued':
      return { ...job, state: 'queued', attempt, progress: none, notBefore: event.notBefore, error: event.error };
    case 'job.started':
      return { ...job, state: 'running', attempt, progress: none, startedAt: event.at, error: undefined };
    case 'job.step':
    case 'job.preview':
      return { ...job, state: 'running', attempt, progress: { step: event.step, steps: event.steps } };
    case 'job.succeeded': {
      const { asset, timings } = event;
      const progress = { ...job.progress, step: job.progress.steps };
      return { ...job, state: 'succeeded', attempt, progress, asset, timings, finishedAt: event.at, error: undefined };
    }
    case 'job.failed':
      return { ...job, state: event.state, attempt, error: event.error, finishedAt: event.at };
    case 'job.cancelled':
      return { ...job, state: 'cancelled', attempt, finishedAt: event.at };
  }
}

/** Within one attempt a job runs, step by step, and may then wait for the next attempt; nothing leads back. */
function isReplay(job: Job, event: GenerationEvent): boolean {
  if (event.type !== 'job.started' && event.type !== 'job.step' && event.type !== 'job.preview') return false;
  if (event.attempt > job.attempt) return false;
  return job.state === 'queued' || event.type === 'job.started' || event.step < job.progress.step;
}

/** Of what the page knows and what a request brought, the further one, job by job: an answer may be older than an event. */
export function mergeGeneration(known: Generation, fetched: Generation): Generation {
  const jobs = fetched.jobs.map((job) => {
    const knownJob = known.jobs.find((candidate) => candidate.id === job.id);
    return knownJob === undefined ? job : furtherJob(knownJob, job);
  });
  return { ...fetched, jobs, state: stateOfJobs(jobs), finishedAt: fetched.finishedAt ?? known.finishedAt };
}

function furtherJob(known: Job, fetched: Job): Job {
  if (isFinalState(fetched.state)) return fetched;
  if (isFinalState(known.state)) return known;
  const cancelRequested = known.cancelRequested || fetched.cancelRequested;
  return { ...(isFurther(known, fetched) ? known : fetched), cancelRequested };
}

/** Attempts rise when a job starts, so a job that waits with attempt n has failed its n-th attempt already. */
function isFurther(job: Job, other: Job): boolean {
  if (job.attempt !== other.attempt) return job.attempt > other.attempt;
  if (job.state !== other.state) return job.state === 'queued';
  return job.progress.step > other.progress.step;
}

/** The pages with a generation put in its place, or before all others when it is new. */
export function putIntoPages<Pages extends readonly GenerationPages[]>(
  pages: Pages,
  generation: Generation,
): GenerationPages[] {
  let isKnown = false;
  const updated = pages.map((page) => ({
    ...page,
    items: page.items.map((item) => {
      if (item.id !== generation.id) return item;
      isKnown = true;
      return mergeGeneration(item, generation);
    }),
  }));
  const [first, ...rest] = updated;
  if (isKnown) return updated;
  return [{ ...first, items: [generation, ...(first?.items ?? [])] }, ...rest];
}
