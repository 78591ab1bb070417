import { z } from 'zod';
import { DEFAULT_PAGE_SIZE, LIMITS } from './limits.ts';
import { type Notice, noticeSchema } from './notice.ts';
import { idSchema, pictureFormats, timestampSchema } from './primitives.ts';
import { type FieldErrorCode, fieldErrorCodes } from './problem.ts';

/** Query of `POST /v1/bulks`: what holds for all rows. */
export interface BulkQuery {
  readonly template?: string | undefined;
  readonly negativePrompt?: string | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly steps?: number | undefined;
  readonly count?: number | undefined;
  readonly model?: string | undefined;
  readonly format?: (typeof pictureFormats)[number] | undefined;
  readonly quality?: number | undefined;
  readonly seed: number;
  readonly unchangedSince?: string | undefined;
  /** What columns of the file are taken for: their names to `prompt`, `width` or any other name. */
  readonly columns?: Readonly<Record<string, string>> | undefined;
  readonly dryRun: boolean;
}

const columnName = z.string().min(1).max(200);
const columnsSchema = z.record(columnName, columnName).refine((columns) => Object.keys(columns).length <= 100);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const side = z.coerce.number().int().min(1).max(LIMITS.side).optional();

export const bulkQuerySchema: z.ZodType<BulkQuery, unknown> = z.strictObject({
  template: z.string().min(1).max(4_000).optional().meta({
    description:
      '{{column}} for the value of a row, {one|other} for one of several words. Without it, rows need a column prompt.',
    example: '{{product}} on a {{colour}} background, {morning|evening} light',
  }),
  negativePrompt: z.string().max(4_000).optional(),
  width: side,
  height: side,
  steps: z.coerce.number().int().min(1).max(LIMITS.steps).optional(),
  count: z.coerce.number().int().min(1).max(LIMITS.count).optional(),
  model: z.string().min(1).max(200).optional(),
  format: z.enum(pictureFormats).optional(),
  quality: z.coerce.number().int().min(1).max(100).optional(),
  seed: z.coerce.number().int().min(0).max(4_294_967_295).default(0).meta({
    description: 'Wildcards and the seeds of rows without one follow from it and from what the row says',
  }),
  unchangedSince: z.string().max(64).optional().meta({
    description: 'An earlier bulk: rows that ask for the same as one of its rows are not drawn again',
  }),
  columns: z
    .string()
    // A request line and its headers have 16 kB.
    .max(8_000)
    .transform((text, context) => {
      const parsed = columnsSchema.safeParse(parseJson(text));
      if (parsed.success) return parsed.data;
      context.addIssue({ code: 'custom', message: 'JSON of an object of texts, at most 100', input: text });
      return z.NEVER;
    })
    .optional()
    .meta({
      description: 'JSON: names of columns of the file to what they are taken for, e.g. {"提示词":"prompt"}',
    }),
  dryRun: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .meta({ description: 'true reads all rows, tells what they would cost, and draws nothing' }),
});

const count = z.int().nonnegative();
export const bulkStates = ['reading', 'running', 'paused', 'finished', 'cancelled', 'failed'] as const;
export type BulkState = (typeof bulkStates)[number];

/** Many generations that were handed in together. */
export interface Bulk {
  readonly id: string;
  readonly name: string;
  /** `reading` while rows become generations, `running` while these are drawn; `paused` until it is resumed. */
  readonly state: BulkState;
  readonly createdAt: string;
  /** Why it waits or failed. */
  readonly note?: Notice | undefined;
  readonly rows: { readonly submitted: number; readonly unchanged: number; readonly broken: number };
  readonly openGenerations: number;
  readonly pictures: { readonly asked: number; readonly succeeded: number; readonly failed: number };
  readonly links: {
    readonly self: string;
    readonly rows: string;
    readonly manifest: string;
    readonly pictures: string;
  };
}

export const bulkSchema: z.ZodType<Bulk> = z
  .object({
    id: idSchema,
    name: z.string(),
    state: z.enum(bulkStates),
    createdAt: timestampSchema,
    note: noticeSchema.optional(),
    rows: z.object({ submitted: count, unchanged: count, broken: count }),
    openGenerations: count,
    pictures: z.object({ asked: count, succeeded: count, failed: count }),
    links: z.object({ self: z.string(), rows: z.string(), manifest: z.string(), pictures: z.string() }),
  })
  .meta({ id: 'Bulk' });

/**
 * Why a row is broken. `settings_invalid`: `fields` names the settings; `refused`: the server does not take what the row
 * asks for, `details.error` is its error code.
 */
export const rowFaultCodes = [
  'cell_count',
  'rest_unreadable',
  'line_too_long',
  'not_json',
  'not_an_object',
  'cell_not_text',
  'template_value_missing',
  'settings_invalid',
  'refused',
] as const;

export interface RowFault {
  readonly code: (typeof rowFaultCodes)[number];
  /** Names and numbers that a sentence needs, e.g. `cells` and `columns` of `cell_count`. */
  readonly details?: Readonly<Record<string, string | number>> | undefined;
  readonly fields?: readonly { readonly field: string; readonly code: FieldErrorCode }[] | undefined;
}

const rowFaultSchema: z.ZodType<RowFault> = z
  .object({
    code: z.enum(rowFaultCodes),
    details: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
    fields: z.array(z.object({ field: z.string(), code: z.enum(fieldErrorCodes) })).optional(),
  })
  .meta({ id: 'RowFault' });

/** What a bulk would be. */
export interface BulkPlan {
  readonly rows: number;
  readonly unchanged: number;
  readonly generations: number;
  readonly pictures: number;
  /** Predicted device time; a device of several slots may be quicker. */
  readonly deviceSeconds: number;
  /** Whether the prediction rests on pictures that this server drew. */
  readonly isMeasured: boolean;
  readonly cost?: { readonly amount: number; readonly currency: string } | undefined;
  readonly brokenCount: number;
  /** The first 1,000 of them. */
  readonly broken: readonly { readonly line: number; readonly problem: string; readonly fault: RowFault }[];
  /** As the file names them. */
  readonly columns: readonly string[];
  /** The first 10 rows that would be drawn. */
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

export const bulkPlanSchema: z.ZodType<BulkPlan> = z
  .object({
    rows: count,
    unchanged: count,
    generations: count,
    pictures: count,
    deviceSeconds: z.number(),
    isMeasured: z.boolean(),
    cost: z.object({ amount: z.number(), currency: z.string() }).optional(),
    brokenCount: count,
    broken: z.array(z.object({ line: count, problem: z.string(), fault: rowFaultSchema })),
    columns: z.array(z.string()),
    samples: z.array(z.object({ line: count, prompt: z.string(), width: count, height: count, count, steps: count })),
  })
  .meta({ id: 'BulkPlan' });

export interface BulkPage {
  readonly items: readonly Bulk[];
  readonly nextCursor?: string | undefined;
}

export const bulkPageSchema: z.ZodType<BulkPage> = z
  .object({ items: z.array(bulkSchema), nextCursor: z.string().optional() })
  .meta({ id: 'BulkPage' });

export const bulkRowStates = ['submitted', 'unchanged', 'broken'] as const;

export interface BulkRow {
  readonly line: number;
  readonly state: (typeof bulkRowStates)[number];
  readonly generationId?: string | undefined;
  /** Why it is broken, in English. */
  readonly problem?: string | undefined;
  /** The same for programs. */
  readonly fault?: RowFault | undefined;
}

export interface BulkRowPage {
  readonly items: readonly BulkRow[];
  readonly nextCursor?: string | undefined;
}

export const bulkRowPageSchema: z.ZodType<BulkRowPage> = z
  .object({
    items: z.array(
      z
        .object({
          line: count,
          state: z.enum(bulkRowStates),
          generationId: idSchema.optional(),
          problem: z.string().optional(),
          fault: rowFaultSchema.optional(),
        })
        .meta({ id: 'BulkRow' }),
    ),
    nextCursor: z.string().optional(),
  })
  .meta({ id: 'BulkRowPage' });

export interface ListBulksQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export const listBulksQuerySchema: z.ZodType<ListBulksQuery, unknown> = z.strictObject({
  limit: z.coerce.number().int().min(1).max(LIMITS.pageSize).default(DEFAULT_PAGE_SIZE),
  cursor: z.string().min(1).max(64).optional(),
});

export interface ListBulkRowsQuery {
  readonly limit: number;
  readonly cursor: number;
  readonly state?: BulkRow['state'] | undefined;
}

export const listBulkRowsQuerySchema: z.ZodType<ListBulkRowsQuery, unknown> = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: z.coerce.number().int().min(0).default(0),
  state: z.enum(bulkRowStates).optional(),
});
