import {
  type Bulk,
  type BulkCounts,
  type BulkFormat,
  type BulkRow,
  type BulkSettings,
  problemOfError,
  type RowProblem,
  templateProblem,
} from '../domain/bulk.ts';
import { AppError } from '../domain/errors.ts';
import { type BulkId, bulkId, type KeyId, type TenantId } from '../domain/ids.ts';
import type { BulkSource, EvaluateRow } from './bulk-ports.ts';
import type { CancelGeneration } from './cancel-generation.ts';
import type { CostBook } from './cost-book.ts';
import type { Clock, GenerationRecord, IdSource, Store } from './ports.ts';
import { lookForLoras, resolveSettings, type SettingsPorts } from './submit-generation.ts';

export interface ManageBulksPorts extends SettingsPorts {
  readonly store: Store;
  readonly source: BulkSource;
  readonly evaluate: EvaluateRow;
  readonly costs: CostBook;
  readonly cancelGeneration: CancelGeneration;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Begins to submit its rows. */
  readonly start: (bulk: Bulk) => void;
}

export interface NewBulk {
  readonly tenantId: TenantId;
  readonly keyId: KeyId | undefined;
  readonly askedBy?: string | undefined;
  readonly name: string;
  readonly format: BulkFormat;
  readonly settings: BulkSettings;
  readonly bytes: AsyncIterable<Uint8Array>;
}

export interface BulkRecord {
  readonly bulk: Bulk;
  readonly counts: BulkCounts;
}

/** What a bulk would be. */
export interface BulkPlan {
  readonly rows: number;
  readonly unchanged: number;
  readonly generations: number;
  readonly pictures: number;
  /** Predicted device time of all pictures together. */
  readonly deviceMs: number;
  /** Whether the prediction rests on pictures that this server drew. */
  readonly isMeasured: boolean;
  /** Undefined when the installation has no prices. */
  readonly cost: { readonly amount: number; readonly currency: string } | undefined;
  readonly brokenCount: number;
  /** The first of them. */
  readonly broken: readonly { readonly line: number; readonly problem: RowProblem }[];
  /** As the file names them. */
  readonly columns: readonly string[];
  /** The first rows that would be drawn. */
  readonly samples: readonly BulkSample[];
}

export interface BulkSample {
  readonly line: number;
  readonly prompt: string;
  readonly width: number;
  readonly height: number;
  readonly count: number;
  readonly steps: number;
}

export interface ManageBulks {
  /** @throws AppError `validation_failed` for the template, `bulk_not_found` for the earlier bulk, `upload_too_large` */
  create(input: NewBulk): Promise<BulkRecord>;
  /** Reads all rows and submits none. @throws AppError as `create`, and `bulk_file_invalid` */
  plan(input: NewBulk): Promise<BulkPlan>;
  /** @throws AppError `bulk_not_found`, as all that follow */
  get(which: BulkOf): Promise<BulkRecord>;
  list(query: { tenantId: TenantId; limit: number; after?: BulkId | undefined }): Promise<readonly BulkRecord[]>;
  rows(query: BulkOf & RowQuery): Promise<readonly BulkRow[]>;
  /** Rows with their generations, by line, read as they are asked for. */
  results(
    which: BulkOf,
  ): Promise<AsyncIterable<{ readonly row: BulkRow; readonly record: GenerationRecord | undefined }>>;
  /** Stops reading, and cancels all that has not ended. */
  cancel(which: BulkOf): Promise<BulkRecord>;
  /** Stops reading, and holds back what waits; what is being drawn is finished. One that has ended stays as it is. */
  pause(which: BulkOf): Promise<BulkRecord>;
  /** Lets a paused one go on. */
  resume(which: BulkOf): Promise<BulkRecord>;
}

export interface BulkOf {
  readonly tenantId: TenantId;
  readonly id: BulkId;
}

interface RowQuery {
  readonly afterLine: number;
  readonly limit: number;
  readonly state?: BulkRow['state'] | undefined;
}

export function createManageBulks(ports: ManageBulksPorts): ManageBulks {
  const { store, source, clock, ids } = ports;
  const counted = async (bulk: Bulk): Promise<BulkRecord> => ({ bulk, counts: await store.bulks.counts(bulk.id) });
  const find = async ({ tenantId, id }: BulkOf): Promise<Bulk> => {
    const bulk = await store.bulks.find(tenantId, id);
    if (bulk !== undefined) return bulk;
    throw new AppError('bulk_not_found', `There is no bulk ${JSON.stringify(id)}.`, { details: { id } });
  };
  async function accept({ bytes, ...input }: NewBulk): Promise<Bulk> {
    requireTemplate(input.settings);
    const { tenantId, settings, format } = input;
    if (settings.unchangedSince !== undefined) await find({ tenantId, id: settings.unchangedSince });
    const id = bulkId(ids.next());
    await source.save(id, format, bytes);
    return { ...input, id, state: 'reading', createdAt: clock.now(), note: undefined };
  }

  return {
    async create(input) {
      const bulk = await accept(input);
      await store.transact(({ bulks }) => bulks.save(bulk));
      ports.start(bulk);
      return counted(bulk);
    },
    async plan(input) {
      const bulk = await accept(input);
      try {
        return await planOf(bulk, ports);
      } finally {
        await source.remove(bulk.id, bulk.format);
      }
    },
    get: async (which) => counted(await find(which)),
    list: async (query) => Promise.all((await store.bulks.list(query)).map(counted)),
    async rows({ tenantId, id, ...query }) {
      await find({ tenantId, id });
      return store.bulks.rows({ ...query, tenantId, id });
    },
    async results(which) {
      await find(which);
      return resultsOf(store, which);
    },
    async cancel(which) {
      const bulk = await find(which);
      const cancelled = { state: 'cancelled', note: undefined } as const;
      await store.transact(async ({ bulks }) => {
        for (const from of ['reading', 'submitted', 'paused'] as const) {
          if (await bulks.move(bulk.id, from, cancelled)) return;
        }
      });
      for (;;) {
        const open = await store.bulks.openGenerations(bulk.id, CANCEL_AT_ONCE);
        if (open.length === 0) break;
        const { tenantId } = which;
        const ended = await Promise.allSettled(open.map((id) => ports.cancelGeneration({ tenantId, id })));
        // What runs ends at its next step: it is marked and stays open for a moment.
        if (ended.every(({ status }) => status === 'rejected') || open.length < CANCEL_AT_ONCE) break;
      }
      return counted(await find(which));
    },
    async pause(which) {
      await pause(await find(which), store);
      return counted(await find(which));
    },
    async resume(which) {
      const isResumed = await resume(await find(which), ports);
      const bulk = await find(which);
      if (isResumed) ports.start(bulk);
      return counted(bulk);
    },
  };
}

async function pause({ id }: Bulk, store: Store): Promise<void> {
  const paused = { state: 'paused', note: undefined } as const;
  await store.transact(async ({ bulks }) => {
    const isOpen = async () => (await bulks.openGenerations(id, 1)).length > 0;
    const isPaused =
      (await bulks.move(id, 'reading', paused)) || ((await isOpen()) && (await bulks.move(id, 'submitted', paused)));
    if (isPaused) await bulks.hold(id);
  });
}

/** False when it was not paused. */
function resume({ id }: Bulk, { store, clock }: ManageBulksPorts): Promise<boolean> {
  return store.transact(async ({ bulks }) => {
    if (!(await bulks.move(id, 'paused', { state: 'reading', note: undefined }))) return false;
    await bulks.release(id, clock.now());
    return true;
  });
}

async function* resultsOf(store: Store, { tenantId, id }: BulkOf) {
  let afterLine = 0;
  for (;;) {
    const rows = await store.bulks.rows({ tenantId, id, afterLine, limit: PAGE });
    for (const row of rows) {
      const record = row.generationId && (await store.findGeneration(tenantId, row.generationId));
      yield { row, record };
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    afterLine = last.line;
  }
}

async function planOf(bulk: Bulk, ports: ManageBulksPorts): Promise<BulkPlan> {
  const { store, source, evaluate, costs } = ports;
  const plan = { rows: 0, unchanged: 0, generations: 0, pictures: 0, deviceMs: 0, isMeasured: true, brokenCount: 0 };
  const broken: { line: number; problem: RowProblem }[] = [];
  const samples: BulkSample[] = [];
  let columns: readonly string[] = [];
  const isBroken = (line: number, problem: RowProblem): void => {
    plan.brokenCount += 1;
    if (broken.length < MAX_BROKEN_SHOWN) broken.push({ line, problem });
  };
  const askedFor = new Set<string>();
  for await (const one of source.read(bulk.id, bulk.format)) {
    plan.rows += 1;
    if ('row' in one && columns.length === 0) columns = Object.keys(one.row);
    const evaluated = 'problem' in one ? one : evaluate(one.row, bulk.settings);
    if ('problem' in evaluated) {
      isBroken(one.line, evaluated.problem);
      continue;
    }
    const { unchangedSince: since } = bulk.settings;
    if (since !== undefined && (await store.bulks.findByHash(bulk.tenantId, since, evaluated.hash)) !== undefined) {
      plan.unchanged += 1;
      continue;
    }
    const input = { ...evaluated.input, tenantId: bulk.tenantId };
    await lookForLoras(input, ports.loras, askedFor);
    try {
      const settings = resolveSettings(input, ports);
      plan.generations += 1;
      plan.pictures += settings.count;
      plan.deviceMs += costs.predictMs(settings) * settings.count;
      plan.isMeasured &&= costs.isMeasured(settings);
      const { prompt, width, height, count, steps } = settings;
      if (samples.length < MAX_SAMPLES) samples.push({ line: one.line, prompt, width, height, count, steps });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      isBroken(one.line, problemOfError(error));
    }
  }
  const prices = await store.usage.prices();
  const amount = prices && plan.pictures * prices.perPicture + (plan.deviceMs / 1_000) * prices.perDeviceSecond;
  const cost = prices && amount !== undefined ? { amount, currency: prices.currency } : undefined;
  return { ...plan, broken, columns, samples, cost };
}

function requireTemplate({ template }: BulkSettings): void {
  const problem = template === undefined ? undefined : templateProblem(template);
  if (problem === undefined) return;
  const expected = '{{column}} for a value of the row, {one|other} for one of several words';
  const field = {
    field: 'template',
    code: 'invalid_value' as const,
    message: problem,
    got: template?.slice(0, 120),
    expected,
  };
  throw new AppError('validation_failed', problem, { fields: [field] });
}

const PAGE = 500;
const CANCEL_AT_ONCE = 200;
const MAX_BROKEN_SHOWN = 1_000;
const MAX_SAMPLES = 10;
