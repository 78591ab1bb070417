import type { Job } from '../domain/job.ts';
import type { AttemptResult, EndAttempt } from './end-attempt.ts';
import type { DrawingEngine } from './engine-port.ts';
import type { EndedAttempt, Telemetry } from './telemetry-port.ts';

/** The same ends of attempts, told of once they are written. */
export function observeEndAttempt(
  endAttempt: EndAttempt,
  telemetry: Pick<Telemetry, 'attemptEnded'>,
  now: () => number,
): EndAttempt {
  const tell = (job: Job | undefined, attempt: Partial<EndedAttempt> & Pick<EndedAttempt, 'outcome'>) => {
    const known = job && { tenantId: job.tenantId, priority: job.priority };
    const outcome = job === undefined ? 'lost' : job.state === 'cancelled' ? 'cancelled' : attempt.outcome;
    telemetry.attemptEnded({
      code: undefined,
      timings: undefined,
      picture: undefined,
      trace: traceOf(job, now()),
      ...attempt,
      outcome,
      job: known,
    });
    return job;
  };
  return {
    async complete(held, result) {
      const job = await endAttempt.complete(held, result);
      if (job?.state === 'failed') return tell(job, { outcome: 'held', code: job.lastFault?.code });
      if (job?.state !== 'succeeded') return tell(job, { outcome: 'cancelled' });
      return tell(job, { outcome: 'succeeded', timings: job.timings, picture: factsOf(result) });
    },
    async redraw(held, picture) {
      return tell(await endAttempt.redraw(held, picture), { outcome: 'redrawn' });
    },
    async reuse(held, asset) {
      return tell(await endAttempt.reuse(held, asset), { outcome: 'reused' });
    },
    async fail(held, fault) {
      return tell(await endAttempt.fail(held, fault), { outcome: 'failed', code: fault.code });
    },
    async cancel(held) {
      return tell(await endAttempt.cancel(held), { outcome: 'cancelled' });
    },
    async release(held, options) {
      return tell(await endAttempt.release(held, options), { outcome: 'released', code: options.fault?.code });
    },
  };
}

/** An attempt that will be repeated leaves no record of its start on the job: it is shown at its end. */
function traceOf(job: Job | undefined, now: number): EndedAttempt['trace'] {
  if (job === undefined) return undefined;
  const { generationId, id: jobId, attempt, createdAt } = job;
  const startedAt = ('startedAt' in job ? job.startedAt : undefined) ?? now;
  const finishedAt = 'finishedAt' in job ? job.finishedAt : now;
  return { generationId, jobId, attempt, createdAt, startedAt, finishedAt };
}

function factsOf({ cost, onDevice, warnings = [] }: AttemptResult): NonNullable<EndedAttempt['picture']> {
  const { denoiseMs, fixedMs } = cost.seen;
  const { meanBatch, pixelsMs } = onDevice ?? {};
  const codes = warnings.map(({ code }) => code);
  return { ...cost.shape, deviceMs: denoiseMs + fixedMs, meanBatch, pixelsMs, warnings: codes };
}

/** The same engine; tells of its steps and pictures, and counts how long it had something to do. */
export function observeEngine(engine: DrawingEngine, telemetry: Telemetry, busy: BusyMeter): DrawingEngine {
  return {
    get status() {
      return engine.status;
    },
    async draw(item, observer) {
      const { device } = engine.status;
      const done = busy.begin();
      try {
        const outcome = await engine.draw(item, {
          ...observer,
          step(step, steps) {
            telemetry.stepDone(device);
            observer.step(step, steps);
          },
          preview: (preview) => observer.preview(preview),
        });
        if (outcome.kind === 'finished') {
          const { meanBatch, loadMs } = outcome.picture.timings;
          telemetry.pictureDrawn({ device, meanBatch, loadMs });
        }
        return outcome;
      } finally {
        done();
      }
    },
    cancel: (id) => engine.cancel(id),
    load: (model) => engine.load(model),
    unload: (model) => engine.unload(model),
    onChange: (listener) => engine.onChange(listener),
  };
}

/** Share of the time in which something was under way. */
export class BusyMeter {
  readonly #now: () => number;
  #active = 0;
  #busyMs = 0;
  #since: number;

  /** @param now milliseconds that only rise */
  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  /** Something began; the result is to be called once, when it has ended. */
  begin(): () => void {
    this.#count();
    this.#active += 1;
    return () => {
      this.#count();
      this.#active -= 1;
    };
  }

  get active(): number {
    return this.#active;
  }

  /** Milliseconds since it was made in which at least one thing was under way. */
  get busyMs(): number {
    this.#count();
    return this.#busyMs;
  }

  #count(): void {
    const now = this.#now();
    if (this.#active > 0) this.#busyMs += now - this.#since;
    this.#since = now;
  }
}
