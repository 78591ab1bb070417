import { THE_MACHINE } from '../domain/access/caller.ts';
import { AppError, assert, type FieldFault } from '../domain/errors.ts';
import { eventOfNewJob } from '../domain/event.ts';
import { drawnSteps, type Generation, type LoraUse, type PictureFormat } from '../domain/generation.ts';
import { generationId, jobId, type KeyId, type TenantId } from '../domain/ids.ts';
import { type Job, type NewJob, newJob, type PriorityClass, type QueuedJob, type QueuePlace } from '../domain/job.ts';
import type { Lora } from '../domain/lora.ts';
import type { ModelFacts } from '../domain/model.ts';
import { shapeKeyOf } from '../domain/scheduling/shape-key.ts';
import { fitSize, type OversizePolicy, type PictureSize, sizeLike } from '../domain/size-policy.ts';
import type { Warning } from '../domain/warning.ts';
import { type ReserveRequest, reserve, type SubjectLimits } from './account-for-jobs.ts';
import type { CostBook } from './cost-book.ts';
import { findModel, modelFault } from './find-model.ts';
import type { LoraLibrary } from './lora-ports.ts';
import type {
  Clock,
  Disk,
  GenerationRecord,
  IdSource,
  ModelCatalog,
  SeedSource,
  Store,
  StoreTransaction,
} from './ports.ts';
import type { IdempotencyRecord } from './queue-ports.ts';
import { requireRoom } from './require-room.ts';
import { resolveSource, type Source } from './resolve-source.ts';
import { takePlaces } from './take-places.ts';

/** What a door hands in; types and ranges that hold for every model were checked there. */
export interface SubmitGenerationInput {
  readonly tenantId: TenantId;
  /** The API key that asks; usage and the key's quotas count by it. */
  readonly keyId?: KeyId | undefined;
  /** Whose generation it is among the tenant's, as `askerIdOf` tells it. @default the machine's */
  readonly askedBy?: string | undefined;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly count: number;
  readonly format: PictureFormat;
  readonly quality: number;
  readonly priority: PriorityClass;
  /** When the pictures are wanted, in ms since 1970; moves the jobs forward, never back. */
  readonly dueAt?: number | undefined;
  /** Failures after which a job is dead; the server's setting where undefined. */
  readonly maxAttempts?: number | undefined;
  /** Pause before a failed attempt is repeated; the server's setting where undefined. */
  readonly backOffMs?: number | undefined;
  /** What makes a repeat of this request give the same answer. */
  readonly idempotency?: Idempotency | undefined;
  /** The model's own values, or one that is picked, where undefined. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly seed?: number | undefined;
  readonly steps?: number | undefined;
  readonly guidanceScale?: number | undefined;
  readonly model?: string | undefined;
  /** Names of the library with strengths. */
  readonly loras?: readonly Pick<LoraUse, 'name' | 'strength'>[] | undefined;
  /** What to do about a size over the limits; the server's setting where undefined. */
  readonly oversize?: OversizePolicy | undefined;
  /** The picture to start from; its size is that of the pictures where none is given. */
  readonly image?: { readonly assetId: string; readonly strength: number } | undefined;
  /** Which part of the image is repainted. */
  readonly mask?: { readonly assetId: string } | undefined;
}

export interface Idempotency {
  /** The client's own, scoped by tenant. */
  readonly key: string;
  /** SHA-256 of the body in canonical form. */
  readonly bodyHash: string;
  /** Takes the key over whatever it was for before, and keeps it until then. @default only repeats use it, for the time of the setting */
  readonly replaceUntil?: number | undefined;
}

export interface SubmitGenerationPorts {
  readonly store: Store;
  readonly models: ModelCatalog;
  readonly loras: LoraLibrary;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly seeds: SeedSource;
  readonly costs: CostBook;
  readonly maxAttempts: number;
  readonly backOffMs: number;
  /** @default 'reject' */
  readonly oversize?: OversizePolicy | undefined;
  /** How long an idempotency key is remembered. */
  readonly idempotencyMs: number;
  /** Share of a tenant in the queue. @default 1 for all */
  readonly weightOf?: (tenant: TenantId) => number;
  /** Quotas of who asks. @default none */
  readonly limitsOf?: ((who: Asker) => Promise<SubjectLimits>) | undefined;
}

/** What fixed settings follow from. */
export type SettingsPorts = Pick<SubmitGenerationPorts, 'models' | 'loras' | 'seeds' | 'oversize'>;

/** Whose quotas a request counts towards, and whose it is. */
export type Asker = Pick<SubmitGenerationInput, 'tenantId' | 'keyId' | 'askedBy'>;

export interface Submission extends GenerationRecord {
  /** The answer to an earlier request with the same idempotency key. */
  readonly isReplay: boolean;
}

export type SubmitGeneration = (input: SubmitGenerationInput) => Promise<Submission>;

/**
 * Accepts a generation: fixes every setting and stores it with one job a picture. When it returns, the generation
 * survives whatever happens to the process or the machine. A request with a known idempotency key gets the first
 * answer again and changes nothing.
 *
 * @throws AppError `validation_failed` for settings that the model cannot draw, `idempotency_key_reused`, `quota_exceeded`,
 * `lora_unavailable`, `disk_full`, `storage_failed`
 */
export function createSubmitGeneration(ports: SubmitGenerationPorts): SubmitGeneration {
  const { store, disk, clock, ids } = ports;
  return async (input) => {
    // Asked ahead, so that a repeat is answered whatever has become of the disk and the models since.
    const { tenantId, idempotency } = input;
    if (idempotency !== undefined && idempotency.replaceUntil === undefined) {
      const known = await store.queue.findIdempotencyKey(tenantId, idempotency.key);
      if (known !== undefined && known.expiresAt > clock.now()) return replay(store, known, idempotency);
    }
    const source = await resolveSource(store, input);
    await lookForLoras(input, ports.loras);
    const settings = resolveSettings(input, ports, source);
    await requireRoom(disk);
    const generation: Generation = {
      ...settings,
      id: generationId(ids.next()),
      tenantId,
      askedBy: input.askedBy ?? THE_MACHINE,
      state: 'queued',
      createdAt: clock.now(),
      finishedAt: undefined,
      priority: input.priority,
      dueAt: input.dueAt,
      maxAttempts: input.maxAttempts ?? ports.maxAttempts,
      backOffMs: input.backOffMs ?? ports.backOffMs,
    };
    const limits = (await ports.limitsOf?.(input)) ?? { tenant: {} };
    const quota = { keyId: input.keyId, limits };
    const stored = await store.transact((transaction) =>
      insert(transaction, generation, ports, { idempotency, quota }),
    );
    if ('known' in stored) return replay(store, stored.known, stored.idempotency);
    return { ...recordOf(generation, stored.jobs), isReplay: false };
  };
}

type Stored =
  | { readonly jobs: readonly QueuedJob[] }
  | { readonly known: IdempotencyRecord; readonly idempotency: Idempotency };

/** Takes the key, the places in the queue and stores it all: together or not at all. */
async function insert(
  transaction: StoreTransaction,
  generation: Generation,
  ports: SubmitGenerationPorts,
  { idempotency, quota }: { idempotency: Idempotency | undefined; quota: Pick<ReserveRequest, 'keyId' | 'limits'> },
): Promise<Stored> {
  const { tenantId, priority, count, dueAt, createdAt: now } = generation;
  const { queue } = transaction;
  if (idempotency !== undefined && idempotency.replaceUntil === undefined) {
    const known = await queue.findIdempotencyKey(tenantId, idempotency.key);
    if (known !== undefined && known.expiresAt > now) return { known, idempotency };
  }
  const costMs = ports.costs.predictMs({ ...generation, steps: drawnSteps(generation) });
  const weight = ports.weightOf?.(tenantId) ?? 1;
  const shapeKey = shapeKeyOf(generation);
  const places = await takePlaces(queue, { tenantId, priority, count, costMs, shapeKey, dueAt, now, weight });
  const jobs = jobsOf(generation, places, ports.ids);
  const jobIds = jobs.map((job) => job.id);
  await reserve(transaction.usage, { ...quota, tenantId, jobIds, costMs, shapeKey, now, isRequest: true });
  await transaction.insertGeneration(generation, jobs);
  if (idempotency !== undefined) {
    const { key, bodyHash, replaceUntil: expiresAt = now + ports.idempotencyMs } = idempotency;
    await queue.saveIdempotencyKey({ key, bodyHash, tenantId, generationId: generation.id, expiresAt });
  }
  await transaction.appendEvents(jobs.map(eventOfNewJob));
  return { jobs };
}

/** The answer that the first request got, whatever has become of its jobs since. */
async function replay(store: Store, known: IdempotencyRecord, idempotency: Idempotency): Promise<Submission> {
  const { tenantId, key, bodyHash, generationId: id } = known;
  if (bodyHash !== idempotency.bodyHash) {
    const message = `The idempotency key ${JSON.stringify(key)} was used before, with another body.`;
    throw new AppError('idempotency_key_reused', message, { details: { generationId: id } });
  }
  const found = await store.findGeneration(tenantId, id);
  assert(found !== undefined, `generation ${id} was there and is not any more`);
  const generation: Generation = { ...found.generation, state: 'queued', finishedAt: undefined };
  const jobs = found.jobs.map(({ job }) => newJob({ ...pickNew(job), priority: generation.priority }));
  return { ...recordOf(generation, jobs), isReplay: true };
}

function pickNew(job: Job): NewJob {
  const {
    id,
    tenantId,
    generationId: generation,
    index,
    seed,
    priority,
    createdAt,
    place,
    maxAttempts,
    backOffMs,
  } = job;
  return { id, tenantId, generationId: generation, index, seed, priority, createdAt, place, maxAttempts, backOffMs };
}

function recordOf(generation: Generation, jobs: readonly QueuedJob[]): GenerationRecord {
  return { generation, jobs: jobs.map((job) => ({ job, asset: undefined, steps: generation.steps })) };
}

export type Settings = Omit<
  Generation,
  | 'id'
  | 'tenantId'
  | 'askedBy'
  | 'state'
  | 'createdAt'
  | 'finishedAt'
  | 'priority'
  | 'dueAt'
  | 'maxAttempts'
  | 'backOffMs'
>;

/** Every setting as it would be accepted. @throws AppError `validation_failed` */
export function resolveSettings(
  input: SubmitGenerationInput,
  ports: SettingsPorts,
  source: Source = { faults: [] },
): Settings {
  const { model, name } = chooseModel(input.model, ports.models);
  const native = source.size === undefined ? undefined : sizeLike(source.size, model);
  const asked = {
    width: input.width ?? native?.width ?? model.nativeWidth,
    height: input.height ?? native?.height ?? model.nativeHeight,
  };
  const oversize = input.oversize ?? ports.oversize ?? 'reject';
  const { width, height } = oversize === 'fit' ? fitSize(asked, model) : asked;
  const settings: Settings = {
    prompt: input.prompt,
    negativePrompt: input.negativePrompt,
    count: input.count,
    width,
    height,
    seed: input.seed ?? ports.seeds.pick(),
    steps: input.steps ?? model.defaultSteps,
    guidanceScale: input.guidanceScale ?? model.defaultGuidanceScale,
    model: name,
    format: input.format,
    quality: input.quality,
    loras: [],
    oversize,
    warnings: width === asked.width && height === asked.height ? [] : [sizeReduced(asked, { width, height })],
    image: source.image,
    mask: source.mask,
  };
  const loras = resolveLoras(input, model, ports.loras);
  const fields = [...sizeFaults(settings, model), ...seedFaults(settings), ...loras.faults, ...source.faults];
  if (fields.length > 0) {
    throw new AppError('validation_failed', `${fields.map((field) => field.message).join(' ')}`, { fields });
  }
  return { ...settings, loras: loras.found };
}

function sizeReduced(asked: PictureSize, drawn: PictureSize): Warning {
  const message = `${asked.width} × ${asked.height} was drawn as ${drawn.width} × ${drawn.height}.`;
  return { code: 'size_reduced', message };
}

/**
 * Has those looked for that this process does not know: they may just have been handed in at another one.
 *
 * @param askedFor names that were looked for already, and those of this time
 */
export async function lookForLoras(
  { tenantId, loras = [] }: SubmitGenerationInput,
  library: LoraLibrary,
  askedFor = new Set<string>(),
): Promise<void> {
  for (const { name } of loras) {
    if (!askedFor.has(name)) await library.bring(tenantId, { name });
    askedFor.add(name);
  }
}

/** Names as files that are there and fit the model. */
function resolveLoras(
  { tenantId, loras = [] }: SubmitGenerationInput,
  model: ModelFacts,
  library: LoraLibrary,
): { readonly found: readonly LoraUse[]; readonly faults: readonly FieldFault[] } {
  const found: LoraUse[] = [];
  const faults: FieldFault[] = [];
  for (const [at, { name, strength }] of loras.entries()) {
    const field = `loras.${at}.name`;
    const lora = library.find(tenantId, { name });
    if (lora === undefined) {
      faults.push(loraFault(field, name, library.list(tenantId)));
    } else if (!lora.content.models.includes(model.name)) {
      const fits = lora.content.models.join(', ') || 'none of the installed models';
      const message = `The LoRA ${JSON.stringify(name)} does not fit the model ${model.name}; it fits ${fits}.`;
      faults.push({ field, code: 'lora_incompatible', message, got: name, expected: `a LoRA for ${model.name}` });
    } else {
      found.push({ name, sha256: lora.content.sha256, strength });
    }
  }
  return { found, faults };
}

function loraFault(field: string, name: string, known: readonly Lora[]): FieldFault {
  const broken = known.find((lora) => lora.name === name);
  const problem = broken?.content.kind === 'unusable' ? ` that can be used: ${broken.content.problem.message}` : '.';
  const message = `There is no LoRA ${JSON.stringify(name)}${problem}`;
  const names = known.flatMap((lora) => (lora.content.kind === 'usable' ? [lora.name] : []));
  const listed = names.slice(0, 20).join(', ') + (names.length > 20 ? ` and ${names.length - 20} more` : '');
  const expected = `one of: ${listed || '(there is no LoRA)'}`;
  return { field, code: 'unknown_lora', message, got: name, expected };
}

/** The model that a name stands for, the first one without a name. */
function chooseModel(
  wanted: string | undefined,
  models: ModelCatalog,
): { readonly model: ModelFacts; readonly name: string } {
  const entries = models.list();
  const usable = entries.flatMap((entry) => (entry.kind === 'usable' ? [entry.facts] : []));
  const [broken] = entries.flatMap((entry) => (entry.kind === 'unusable' ? [entry.name] : []));
  const name = wanted ?? usable[0]?.name ?? broken ?? '';
  const found = findModel(models, name);
  if (found.kind === 'usable') return { model: found.facts, name };
  const { message, expected } = modelFault(name, found, usable);
  const field: FieldFault = { field: 'model', code: 'unknown_model', message, got: name, expected };
  throw new AppError('validation_failed', message, { fields: [field] });
}

function sizeFaults(settings: Settings, model: ModelFacts): FieldFault[] {
  const faults: FieldFault[] = [];
  for (const field of ['width', 'height'] as const) {
    const got = settings[field];
    if (got % model.grain !== 0) {
      const expected = `a multiple of ${model.grain}, e.g. ${nearestMultiple(got, model.grain)}`;
      const message = `${field} ${got} is not a multiple of ${model.grain}, as the model ${model.name} needs.`;
      faults.push({ field, code: 'not_a_multiple', message, got: String(got), expected });
    } else if (got > model.maxSide) {
      const message = `${field} ${got} is more than the model ${model.name} can draw.`;
      faults.push({ field, code: 'too_big', message, got: String(got), expected: `at most ${model.maxSide}` });
    }
  }
  const pixels = settings.width * settings.height;
  if (faults.length === 0 && pixels > model.maxPixels) {
    const message = `${settings.width} × ${settings.height} is ${pixels} pixels, more than are accepted.`;
    const expected = `width × height of at most ${model.maxPixels}`;
    faults.push({ field: 'width', code: 'too_many_pixels', message, got: String(pixels), expected });
  }
  return faults;
}

function seedFaults({ seed, count }: Settings): FieldFault[] {
  const last = Number.MAX_SAFE_INTEGER - (count - 1);
  if (seed <= last) return [];
  const message = `seed ${seed} leaves no room for ${count} pictures, which use seed, seed + 1 and so on.`;
  return [{ field: 'seed', code: 'too_big', message, got: String(seed), expected: `at most ${last}` }];
}

function nearestMultiple(value: number, grain: number): number {
  return Math.max(grain, Math.round(value / grain) * grain);
}

function jobsOf(generation: Generation, places: readonly QueuePlace[], ids: IdSource): QueuedJob[] {
  const { tenantId, id, priority, createdAt, maxAttempts, backOffMs } = generation;
  return places.map((place, index) =>
    newJob({
      id: jobId(ids.next()),
      tenantId,
      generationId: id,
      index,
      seed: generation.seed + index,
      priority,
      createdAt,
      place,
      maxAttempts,
      backOffMs,
    }),
  );
}
