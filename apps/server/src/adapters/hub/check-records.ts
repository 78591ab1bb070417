import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '@imagemill/diffusion';
import { z } from 'zod';
import type { VerificationState } from '../../application/model-ports.ts';
import { hasErrorCode } from './file-errors.ts';

/** What a complete hashing of a model found, with the size and time of each file as they were then. */
const recordSchema = z.object({
  at: z.string(),
  manifestSha256: z.string(),
  intact: z.boolean(),
  files: z.record(z.string(), z.tuple([z.number(), z.number()])),
});
const recordsSchema = z.record(z.string(), recordSchema);
type CheckRecord = z.infer<typeof recordSchema>;

export interface RecordedState {
  readonly verification: VerificationState;
  readonly verifiedAt: string | undefined;
}

/**
 * Outcomes of checks, kept in one file of the models folder and not in the models themselves, which may be read-only
 * or under version control. Hashing 33 GB takes minutes, so a listing trusts a check until a size or a time changes.
 */
export class CheckRecords {
  readonly #path: string;
  readonly #modelsFolder: string;

  constructor(modelsFolder: string) {
    this.#modelsFolder = modelsFolder;
    this.#path = join(modelsFolder, '.imagemill-checks.json');
  }

  /** State of a model with this manifest; without one nothing can be known. */
  async stateOf(folder: string, manifest: Manifest | undefined): Promise<RecordedState> {
    const record = (await this.#read())[folder];
    if (record === undefined || manifest === undefined) return { verification: 'unverified', verifiedAt: undefined };
    if (record.manifestSha256 !== digestOf(manifest)) return { verification: 'unverified', verifiedAt: undefined };
    const isAsThen = record.intact && (await sameFiles(folder, record.files));
    return { verification: isAsThen ? 'verified' : 'changed', verifiedAt: record.at };
  }

  /** Remembers a check. A models folder that cannot be written leaves the check unremembered, and that is all. */
  async remember(folder: string, manifest: Manifest, intact: boolean): Promise<void> {
    const stamps: Record<string, [number, number]> = {};
    for (const { path: file } of manifest.files) {
      const stamp = await stampOf(join(folder, file));
      if (stamp !== undefined) stamps[file] = stamp;
    }
    const record: CheckRecord = {
      at: new Date().toISOString(),
      manifestSha256: digestOf(manifest),
      intact,
      files: stamps,
    };
    try {
      await mkdir(this.#modelsFolder, { recursive: true });
      const draft = `${this.#path}.${process.pid}`;
      await writeFile(draft, `${JSON.stringify({ ...(await this.#read()), [folder]: record }, null, 1)}\n`);
      await rename(draft, this.#path);
    } catch (error) {
      if (!hasErrorCode(error, 'EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT')) throw error;
    }
  }

  /** A damaged record file means that nothing is known, which the next check mends. */
  async #read(): Promise<Record<string, CheckRecord>> {
    try {
      const parsed = recordsSchema.safeParse(JSON.parse(await readFile(this.#path, 'utf8')));
      return parsed.success ? parsed.data : {};
    } catch (error) {
      if (error instanceof SyntaxError || hasErrorCode(error, 'ENOENT')) return {};
      throw error;
    }
  }
}

async function sameFiles(folder: string, files: CheckRecord['files']): Promise<boolean> {
  for (const [path, [size, mtimeMs]] of Object.entries(files)) {
    const now = await stampOf(join(folder, path));
    if (now === undefined || now[0] !== size || now[1] !== mtimeMs) return false;
  }
  return true;
}

async function stampOf(path: string): Promise<[number, number] | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return [size, mtimeMs];
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

function digestOf(manifest: Manifest): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
}
