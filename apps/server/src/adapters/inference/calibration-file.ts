/** Batch limits that were measured, kept in a file of the data folder. A file that cannot be read counts as empty. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BatchLimit } from '@imagemill/diffusion';
import { z } from 'zod';

/** What the limits depend on; another value of any of these is measured anew. */
export interface CalibrationKey {
  readonly device: string;
  readonly executionProvider: string;
  /** Folder of the model. */
  readonly model: string;
  readonly precision: string;
  readonly threads: number;
  readonly processor: string;
  readonly onnxruntime: string;
}

export interface CalibrationFile {
  /** Undefined for what was not measured yet; empty when it was too slow to be measured quickly. */
  find(key: CalibrationKey): readonly BatchLimit[] | undefined;
  /** Keeps the limits, in the file as well; entries that others wrote there stay. @throws when it cannot be written */
  keep(key: CalibrationKey, limits: readonly BatchLimit[]): Promise<void>;
}

const positive = z.number().positive();
const fileSchema = z.object({
  version: z.literal(1),
  entries: z.array(
    z.object({
      key: z.object({
        device: z.string(),
        executionProvider: z.string(),
        model: z.string(),
        precision: z.string(),
        threads: z.number(),
        processor: z.string(),
        onnxruntime: z.string(),
      }),
      limits: z.array(
        z.object({
          width: positive,
          height: positive,
          tokens: positive,
          maxRows: z.int().positive(),
          timings: z.array(z.object({ rows: z.int().positive(), msPerStep: positive })),
        }),
      ),
    }),
  ),
});

type Entry = z.infer<typeof fileSchema>['entries'][number];

export async function openCalibrationFile(file: string): Promise<CalibrationFile> {
  let entries = await read(file);
  return {
    find: (key) => entries.get(nameOf(key))?.limits,
    async keep(key, limits) {
      const entry: Entry = { key, limits: limits.map((limit) => ({ ...limit, timings: [...limit.timings] })) };
      entries = (await read(file)).set(nameOf(key), entry);
      await mkdir(dirname(file), { recursive: true });
      const partial = `${file}.${process.pid}.partial`;
      await writeFile(partial, `${JSON.stringify({ version: 1, entries: [...entries.values()] }, null, 1)}\n`);
      await rename(partial, file);
    },
  };
}

async function read(file: string): Promise<Map<string, Entry>> {
  try {
    const { entries } = fileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    return new Map(entries.map((entry) => [nameOf(entry.key), entry]));
  } catch {
    return new Map();
  }
}

function nameOf(key: CalibrationKey): string {
  const { device, executionProvider, model, precision, threads, processor, onnxruntime } = key;
  return JSON.stringify([device, executionProvider, model, precision, threads, processor, onnxruntime]);
}
