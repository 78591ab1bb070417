import type { Asset, Generation, GenerationEvent, Job, JobTimings } from '@imagemill/api';
import { describe, expect, test } from 'vitest';
import { applyEvent, isFinished, mergeGeneration, putIntoPages, stateOfJobs } from './generation-state.ts';

const at = '2026-11-22T12:00:00.000Z';
const asset: Asset = {
  id: 'asset-0',
  url: '/v1/assets/asset-0',
  mediaType: 'image/png',
  sizeBytes: 10,
  width: 64,
  height: 64,
  sha256: '00',
};
const timings: JobTimings = {
  queueMs: 1,
  loadMs: 0,
  encodeMs: 1,
  denoiseMs: 1,
  decodeMs: 1,
  storeMs: 1,
  totalMs: 5,
};

function job(index: number, fields: Partial<Job> = {}): Job {
  return {
    id: `job-${index}`,
    generationId: 'g',
    index,
    seed: index,
    state: 'queued',
    attempt: 0,
    progress: { step: 0, steps: 8 },
    cancelRequested: false,
    createdAt: at,
    ...fields,
  };
}

function generation(jobs: readonly Job[] = [job(0), job(1)], id = 'g'): Generation {
  return {
    id,
    state: stateOfJobs(jobs),
    createdAt: at,
    prompt: 'a panda',
    negativePrompt: '',
    loras: [],
    count: jobs.length,
    width: 64,
    height: 64,
    seed: 0,
    steps: 8,
    guidanceScale: 0,
    model: 'demo',
    format: 'png',
    quality: 90,
    priority: 'standard',
    maxRetries: 3,
    retryBackoffSeconds: 5,
    oversize: 'reject',
    warnings: [],
    jobs,
    links: { self: '', events: '', cancel: '' },
  };
}

const base = { generationId: 'g', at, jobId: 'job-0', index: 0, attempt: 1 };
const story: readonly GenerationEvent[] = [
  { ...base, id: 1, type: 'job.queued', attempt: 0 },
  { ...base, id: 2, type: 'job.started' },
  { ...base, id: 3, type: 'job.step', step: 4, steps: 8 },
  { ...base, id: 4, type: 'job.preview', step: 4, steps: 8, mediaType: 'image/webp', image: '' },
  { ...base, id: 5, type: 'job.succeeded', asset, timings },
];

const play = (start: Generation, events: readonly GenerationEvent[]): Generation => events.reduce(applyEvent, start);

describe('a generation that follows its events', () => {
  test('goes from queued over its steps to the picture', () => {
    expect(play(generation(), story.slice(0, 1)).state).toBe('queued');
    const drawing = play(generation(), story.slice(0, 4));
    expect(drawing.state).toBe('running');
    expect(drawing.jobs[0]).toMatchObject({ state: 'running', attempt: 1, progress: { step: 4, steps: 8 } });
    expect(play(generation(), story).jobs[0]).toMatchObject({ state: 'succeeded', asset, timings });
    expect(play(generation(), story).jobs[1]).toEqual(job(1));
  });

  test('ends with the state that the server names', () => {
    const finished: GenerationEvent = { id: 9, generationId: 'g', at, type: 'generation.finished', state: 'partial' };
    expect(play(generation(), [...story, finished])).toMatchObject({ state: 'partial', finishedAt: at });
  });

  test('is not changed by a replay of events that it has seen', () => {
    const done = play(generation(), story);
    expect(play(done, story)).toEqual(done);
  });

  test('is not set back by a replay while it is drawn', () => {
    const drawing = play(generation(), story.slice(0, 4));
    for (const event of story.slice(0, 4)) expect(applyEvent(drawing, event)).toEqual(drawing);
  });

  test('an attempt that failed goes back to waiting, and its late events are ignored', () => {
    const error = { code: 'engine_crashed', message: 'gone', retryable: true, details: {} };
    const again: GenerationEvent = { ...base, id: 6, type: 'job.queued', notBefore: at, error };
    const waiting = play(generation(), [...story.slice(0, 3), again]);
    expect(waiting.jobs[0]).toMatchObject({ state: 'queued', attempt: 1, progress: { step: 0 }, error });
    const second = play(waiting, [{ ...base, id: 7, type: 'job.started', attempt: 2 }]);
    expect(second.jobs[0]).toMatchObject({ state: 'running', attempt: 2, error: undefined });
    expect(play(second, [story[2]!])).toEqual(second);
    expect(play(waiting, [story[1]!, story[2]!])).toEqual(waiting);
  });

  test('a job out of attempts is dead and says why', () => {
    const error = { code: 'engine_fault', message: 'no', retryable: false, details: {} };
    const dead = play(generation(), [
      ...story.slice(0, 2),
      { ...base, id: 6, type: 'job.failed', state: 'dead', error },
    ]);
    expect(dead.jobs[0]).toMatchObject({ state: 'dead', error });
  });
});

describe('the state of a generation', () => {
  test.each([
    ['queued', ['queued', 'queued']],
    ['running', ['queued', 'running']],
    ['running', ['succeeded', 'queued']],
    ['succeeded', ['succeeded', 'succeeded']],
    ['partial', ['succeeded', 'cancelled']],
    ['failed', ['cancelled', 'dead']],
    ['cancelled', ['cancelled', 'cancelled']],
  ] as const)('is %s for jobs %s', (expected, states) => {
    expect(stateOfJobs(states.map((state, index) => job(index, { state })))).toBe(expected);
  });
});

describe('an answer that is merged with what the page knows', () => {
  test('does not take back a picture that an event brought first', () => {
    const known = play(generation(), story);
    expect(mergeGeneration(known, generation()).jobs[0]).toMatchObject({ state: 'succeeded', asset });
  });

  test('does not take back steps, but a new attempt counts', () => {
    const known = generation([job(0, { state: 'running', attempt: 1, progress: { step: 5, steps: 8 } })]);
    const older = generation([job(0, { state: 'running', attempt: 1, progress: { step: 3, steps: 8 } })]);
    const newer = generation([job(0, { state: 'running', attempt: 2, progress: { step: 1, steps: 8 } })]);
    expect(mergeGeneration(known, older).jobs[0]?.progress.step).toBe(5);
    expect(mergeGeneration(known, newer).jobs[0]).toMatchObject({ attempt: 2, progress: { step: 1 } });
  });

  test('knows that a job waiting with an attempt behind it is further than that attempt', () => {
    const running = generation([job(0, { state: 'running', attempt: 1, progress: { step: 5, steps: 8 } })]);
    const waiting = generation([job(0, { state: 'queued', attempt: 1 })]);
    expect(mergeGeneration(running, waiting).jobs[0]?.state).toBe('queued');
    expect(mergeGeneration(waiting, running).jobs[0]?.state).toBe('queued');
    expect(mergeGeneration(running, generation([job(0)])).jobs[0]?.state).toBe('running');
  });

  test('keeps a cancel that was asked for', () => {
    const known = generation([job(0, { state: 'running', attempt: 1, cancelRequested: true })]);
    const fetched = generation([job(0, { state: 'running', attempt: 1, progress: { step: 2, steps: 8 } })]);
    expect(mergeGeneration(known, fetched).jobs[0]).toMatchObject({ cancelRequested: true, progress: { step: 2 } });
  });

  test('counts as finished once every job is final', () => {
    expect(isFinished(generation([job(0, { state: 'succeeded' }), job(1)]))).toBe(false);
    expect(isFinished(generation([job(0, { state: 'succeeded' }), job(1, { state: 'dead' })]))).toBe(true);
  });
});

describe('pages', () => {
  test('a new generation comes before all others', () => {
    const pages = putIntoPages([{ items: [generation([job(0)], 'a')], nextCursor: 'x' }], generation([job(0)], 'b'));
    expect(pages.map((page) => page.items.map((item) => item.id))).toEqual([['b', 'a']]);
    expect(pages[0]?.nextCursor).toBe('x');
  });

  test('a known generation is updated where it stands', () => {
    const pages = [{ items: [generation([job(0)], 'b')] }, { items: [generation([job(0)], 'a')] }];
    const done = generation([job(0, { state: 'succeeded' })], 'a');
    const updated = putIntoPages(pages, done);
    expect(updated.map((page) => page.items.map((item) => [item.id, item.state]))).toEqual([
      [['b', 'queued']],
      [['a', 'succeeded']],
    ]);
  });

  test('the first generation of all makes the first page', () => {
    expect(putIntoPages([], generation([job(0)], 'b'))).toEqual([{ items: [generation([job(0)], 'b')] }]);
  });
});
