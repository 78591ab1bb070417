import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.ts';
import { readJsonFile } from '../checkpoint/json-file.ts';
import {
  readFloat32,
  readIntegers,
  readSafetensorsHeader,
  type SafetensorsFile,
  type TensorRef,
} from '../checkpoint/safetensors.ts';
import { DiffusionError } from '../errors.ts';
import type { RotaryType } from '../families/z-image/sequence.ts';

const pipeCase = z.looseObject({
  pipe: z.int(),
  prompt: z.int(),
  steps: z.int(),
  guidance_scale: z.number().default(0),
  negative_prompt: z.string().nullable().default(null),
  cfg_normalization: z.union([z.boolean(), z.number()]).default(false),
  cfg_truncation: z.number().nullable().default(1),
  height: z.int().optional(),
  width: z.int().optional(),
});

const ditCase = z.looseObject({ dit: z.int(), prompt: z.int() });

const casesSchema = z.looseObject({
  prompts: z.array(z.string()),
  batch_prompts: z.array(z.int()).optional(),
  cases: z.array(z.union([pipeCase, ditCase])).default([]),
  config: z.looseObject({ dtype: z.string().optional() }).default({}),
});

/** One whole run: `pipe{n}` in the fixture. */
export interface PipeCase {
  readonly pipe: number;
  readonly prompt: number;
  readonly steps: number;
  readonly guidance_scale: number;
  readonly negative_prompt: string | null;
  readonly cfg_normalization: boolean | number;
  readonly cfg_truncation: number | null;
}

/** One forward: `dit{n}` in the fixture. */
export interface DitCase {
  readonly dit: number;
  readonly prompt: number;
}

/** `cases.json` of a fixture, in its own spelling. */
export interface FixtureCases {
  readonly prompts: readonly string[];
  readonly batch_prompts?: readonly number[] | undefined;
  readonly cases: readonly (PipeCase | DitCase)[];
  readonly config: { readonly dtype?: string | undefined };
}

/** A folder of the parity suite: a checkpoint and what the reference computed from it. */
export interface Fixture {
  readonly folder: string;
  readonly checkpoint: Checkpoint;
  /** Absent in fixtures that hold the stages of single runs instead. */
  readonly cases: FixtureCases | undefined;
  readonly names: readonly string[];
  ref(name: string): TensorRef | undefined;
  /** @throws DiffusionError `tensor_missing` */
  floats(name: string): Promise<Float32Array>;
  find(name: string): Promise<Float32Array | undefined>;
  integers(name: string): Promise<number[]>;
}

/** Opens a fixture folder. @throws DiffusionError as `openCheckpoint`, `checkpoint_file_missing` */
export async function openFixture(folder: string): Promise<Fixture> {
  const expected = await readSafetensorsHeader(join(folder, 'expected.safetensors'));
  const casesFile = join(folder, 'cases.json');
  const hasCases = (await stat(casesFile).catch(() => undefined)) !== undefined;
  return {
    folder,
    checkpoint: await openCheckpoint(join(folder, 'checkpoint')),
    cases: hasCases ? await readJsonFile(casesFile, casesSchema) : undefined,
    names: [...expected.tensors.keys()],
    ref: (name) => expected.tensors.get(name),
    floats: (name) => readFloat32(required(expected, name)),
    integers: (name) => readIntegers(required(expected, name)),
    async find(name) {
      const ref = expected.tensors.get(name);
      return ref === undefined ? undefined : readFloat32(ref);
    },
  };
}

const tokenizerCasesSchema = z.array(z.looseObject({ prompt: z.string(), ids: z.array(z.int()) }));

/** `tokenizer_cases.json` of a fixture; empty when it has none. @throws DiffusionError `checkpoint_config_invalid` */
export async function readTokenizerCases(
  folder: string,
): Promise<readonly { readonly prompt: string; readonly ids: readonly number[] }[]> {
  const file = join(folder, 'tokenizer_cases.json');
  const exists = (await stat(file).catch(() => undefined)) !== undefined;
  return exists ? readJsonFile(file, tokenizerCasesSchema) : [];
}

/** The fixtures were cast as a whole before the reference ran, which rounds the rotary frequencies too. */
export function rotaryTypeOf(cases: FixtureCases | undefined): RotaryType {
  const type = cases?.config.dtype;
  return type === 'bfloat16' ? 'bf16' : type === 'float16' ? 'f16' : 'f32';
}

function required(file: SafetensorsFile, name: string): TensorRef {
  const ref = file.tensors.get(name);
  if (ref !== undefined) return ref;
  throw new DiffusionError(
    'tensor_missing',
    `${file.file} holds no tensor ${name}, which the cases of the fixture need.`,
    {
      details: { file: file.file, tensor: name },
    },
  );
}
