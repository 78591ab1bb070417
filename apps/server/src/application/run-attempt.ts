import { AppError, isStorageFault } from '../domain/errors.ts';
import { drawnSteps } from '../domain/generation.ts';
import type { JobFault, PriorityClass } from '../domain/job.ts';
import type { ModelFacts } from '../domain/model.ts';
import type { Claim } from './claim-jobs.ts';
import type { AttemptResult, EndAttempt } from './end-attempt.ts';
import type { DrawingEngine, DrawnPicture, DrawObserver, EngineItem, ModelChoice } from './engine-port.ts';
import { findModel } from './find-model.ts';
import type { PictureLabeller } from './label-picture.ts';
import type { LoraLibrary } from './lora-ports.ts';
import type { Clock, EventFeed, Logger, ModelCatalog, PictureStore } from './ports.ts';
import type { QualityGate } from './quality-gate.ts';
import { readSource } from './read-source.ts';
import type { HeldJob } from './renew-leases.ts';
import type { ReuseResults } from './reuse-results.ts';

export interface AttemptPorts {
  readonly engine: DrawingEngine;
  readonly endAttempt: EndAttempt;
  readonly pictures: PictureStore;
  readonly models: ModelCatalog;
  readonly loras: LoraLibrary;
  readonly labeller: PictureLabeller;
  /** What every picture passes before it counts. @default none */
  readonly gate?: QualityGate | undefined;
  readonly feed: EventFeed;
  readonly clock: Clock;
  readonly log: Logger;
  /** Pause before a job is claimed again that was handed back because of the machine. */
  readonly releasePauseMs: number;
  /** Pictures that may be given again. @default none */
  readonly results?: ReuseResults | undefined;
}

/** An attempt in the hands of a worker. */
export interface ActiveAttempt extends HeldJob {
  /** Its name in the engine. */
  readonly itemId: string;
  /** Why it was told to stop, if it was: `lost` to another worker, or to be handed back (`release`). */
  stopReason: 'cancel' | 'lost' | 'release' | undefined;
}

/**
 * One attempt from the claim to its record. Ends in exactly one write: completed, failed, cancelled or released. A
 * write that the disk refuses is repeated until it succeeds, the lease is lost or the worker stops; what is left
 * undone then is done by whoever finds the lease expired.
 */
export async function runAttempt(ports: AttemptPorts, claim: Claim, attempt: ActiveAttempt): Promise<void> {
  const { endAttempt } = ports;
  const handBack = (): Promise<void> => settle(ports, attempt, () => endAttempt.release(attempt, { pauseMs: 0 }));
  // Read anew each time: it changes while the engine draws.
  const stopReason = (): ActiveAttempt['stopReason'] => attempt.stopReason;
  if (stopReason() === 'release') return handBack();
  const model = chooseModel(ports.models, claim.generation.model);
  if ('fault' in model) return settle(ports, attempt, () => endAttempt.fail(attempt, model.fault));

  const loras = await findLoras(ports.loras, claim);
  if ('fault' in loras && loras.fault.retryable) {
    ports.log.warn({ jobId: attempt.id, ...loras.fault.details }, loras.fault.message);
    const pauseMs = ports.releasePauseMs;
    return settle(ports, attempt, () => endAttempt.release(attempt, { pauseMs, fault: loras.fault }));
  }
  if ('fault' in loras) return settle(ports, attempt, () => endAttempt.fail(attempt, loras.fault));

  const source = await readSource(ports.pictures, claim.generation);
  if (source !== undefined && 'fault' in source) {
    return settle(ports, attempt, () => endAttempt.fail(attempt, source.fault));
  }
  const resultKey = await ports.results?.keyOf(claim, model.choice);
  const known = resultKey === undefined ? undefined : await ports.results?.find(attempt.tenantId, resultKey);
  if (known !== undefined) return settle(ports, attempt, async () => void (await endAttempt.reuse(attempt, known)));
  const mark = await ports.labeller.markOf(claim.job.tenantId);
  const item = engineItem(claim, { ...model.choice, id: attempt.itemId, loras: loras.found, mark, source });
  const outcome = await ports.engine.draw(item, observer(ports, claim));
  if (stopReason() === 'lost') return;
  if (outcome.kind === 'finished') {
    return keepPicture(ports, claim, attempt, { ...outcome.picture, model: model.found, resultKey });
  }
  if (outcome.kind === 'failed') return settle(ports, attempt, () => endAttempt.fail(attempt, outcome.fault));
  if (stopReason() === 'release') return handBack();
  return settle(ports, attempt, () => endAttempt.cancel(attempt));
}

async function keepPicture(
  ports: AttemptPorts,
  claim: Claim,
  attempt: ActiveAttempt,
  picture: DrawnPicture & { readonly model: ModelFacts; readonly resultKey: string | undefined },
): Promise<void> {
  const { clock, endAttempt } = ports;
  const startedAt = clock.now();
  const cost = costOf(claim, picture);
  const gate = await ports.gate?.judge(claim, picture);
  if (gate?.action === 'retry') return settle(ports, attempt, () => endAttempt.redraw(attempt, { cost, gate }));
  try {
    const stored = await ports.pictures.put(await ports.labeller.label(claim, picture, picture.model));
    const { loadMs, encodeMs, denoiseMs, decodeMs } = picture.timings;
    const timings = {
      loadMs: toTenths(loadMs),
      encodeMs: toTenths(encodeMs),
      denoiseMs: toTenths(denoiseMs),
      decodeMs: toTenths(decodeMs),
      storeMs: clock.now() - startedAt,
    };
    const { mediaType, width, height } = picture;
    const result = {
      ...stored,
      mediaType,
      width,
      height,
      timings,
      cost,
      onDevice: picture.timings,
      gate,
      warnings: picture.warnings,
      resultKey: lasting(picture),
    };
    await settle(ports, attempt, () => endAttempt.complete(attempt, result));
  } catch (error) {
    if (!isStorageFault(error)) throw error;
    const fault: JobFault = { code: error.code, message: error.message, details: error.details, retryable: true };
    ports.log.warn({ err: error, jobId: attempt.id }, 'a picture could not be stored; its job will be drawn again');
    await settle(ports, attempt, () => endAttempt.release(attempt, { pauseMs: ports.releasePauseMs, fault }));
  }
}

/** A picture that the memory forced another way is not given for the same settings again. */
function lasting({ resultKey, warnings = [] }: DrawnPicture & { readonly resultKey: string | undefined }) {
  return warnings.length === 0 ? resultKey : undefined;
}

function costOf({ generation }: Claim, { width, height, timings }: DrawnPicture): AttemptResult['cost'] {
  const { model } = generation;
  const steps = drawnSteps(generation);
  const { encodeMs, decodeMs, deviceMs = timings.denoiseMs + decodeMs } = timings;
  // Writing the file happens beside the device, so decoding is at most what the device was charged.
  const decodingMs = Math.min(decodeMs, deviceMs);
  const seen = { denoiseMs: deviceMs - decodingMs, fixedMs: encodeMs + decodingMs };
  return { shape: { model, width, height, steps }, seen };
}

/** Makes a write happen although the disk may refuse it for a while. */
async function settle(ports: AttemptPorts, attempt: ActiveAttempt, write: () => Promise<unknown>): Promise<void> {
  while (true) {
    try {
      await write();
      return;
    } catch (error) {
      if (!isStorageFault(error)) throw error;
      ports.log.warn({ err: error, jobId: attempt.id }, 'the end of an attempt could not be recorded yet');
      if (attempt.stopReason === 'lost' || attempt.stopReason === 'release') return;
      await new Promise<void>((resolve) => ports.clock.after(WRITE_PAUSE_MS, resolve));
    }
  }
}

function observer(ports: AttemptPorts, claim: Claim): DrawObserver {
  const { tenantId, generationId, id: jobId, index, attempt } = claim.job;
  const base = { tenantId, generationId, jobId, index, attempt };
  const { steps } = claim.generation;
  return {
    step: (step) => ports.feed.publish({ ...base, type: 'job.step', at: ports.clock.now(), step, steps }),
    preview: (preview) =>
      ports.feed.publish({ ...base, type: 'job.preview', at: ports.clock.now(), steps, ...preview }),
  };
}

function chooseModel(
  models: ModelCatalog,
  name: string,
): { readonly found: ModelFacts; readonly choice: ModelChoice } | { readonly fault: JobFault } {
  const found = findModel(models, name);
  if (found.kind === 'usable') {
    const { facts, precision } = found;
    return { found: facts, choice: { modelPath: facts.path, precision } };
  }
  const details = { model: name };
  if (found.kind === 'unusable') {
    const message = `The model ${JSON.stringify(name)} cannot be used: ${found.problem.message}`;
    return { fault: { code: 'model_unusable', message, details, retryable: false } };
  }
  const message = `The model ${JSON.stringify(name)} is not offered by this server any more.`;
  return { fault: { code: 'model_gone', message, details, retryable: false } };
}

/**
 * Files by content: what was accepted is what draws, even when a name stands for another file by now. A fault that may
 * pass is none of the job's.
 */
async function findLoras(
  library: LoraLibrary,
  { generation: { tenantId, loras } }: Claim,
): Promise<{ readonly found: EngineItem['loras'] } | { readonly fault: JobFault }> {
  const found: { path: string; strength: number }[] = [];
  for (const { name, sha256, strength } of loras) {
    const lora = await library.bring(tenantId, { sha256 }).catch((error: unknown) => {
      if (!isStorageFault(error)) throw error;
      return error;
    });
    if (lora instanceof AppError) {
      const { code, message, details } = lora;
      return { fault: { code, message, details: { lora: name, ...details }, retryable: true } };
    }
    if (lora === undefined) {
      const message = `The LoRA ${JSON.stringify(name)} was removed or replaced after the generation was accepted. Put the file with the SHA-256 ${sha256} back and redrive the job, or submit it again.`;
      return { fault: { code: 'lora_gone', message, details: { lora: name, sha256 }, retryable: false } };
    }
    found.push({ path: lora.path, strength });
  }
  return { found };
}

function engineItem(
  { job, generation }: Claim,
  item: Pick<EngineItem, 'id' | 'modelPath' | 'precision' | 'loras' | 'mark' | 'source'>,
): EngineItem {
  const { prompt, negativePrompt, width, height, steps, guidanceScale, format, quality, oversize } = generation;
  const settings = { prompt, negativePrompt, width, height, steps, guidanceScale, format, quality, oversize };
  // Nobody watches bulk work, and a preview costs as much as decoding a small picture.
  const previews = job.priority !== 'bulk';
  return { ...item, ...settings, seed: job.seed, previews, rank: rankOf[job.priority], cacheScope: job.tenantId };
}

/** Order of the classes inside the engine. */
const rankOf: Readonly<Record<PriorityClass, number>> = { interactive: 0, standard: 1, bulk: 2 };

function toTenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

const WRITE_PAUSE_MS = 1_000;
