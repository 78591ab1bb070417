import { mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { type Manifest, makeFolder } from '@imagemill/diffusion';
import { ModelError } from '../../application/model-errors.ts';
import type {
  ByteProgress,
  InstalledModel,
  ModelOrigin,
  StagedModel,
  WantedFile,
} from '../../application/model-ports.ts';
import { hasErrorCode, toWriteError } from './file-errors.ts';
import { FileHasher, readThrough } from './file-hashes.ts';
import { findManifest, writeManifestAndOrigin } from './manifest-file.ts';
import { openPartFile, partPath } from './part-file.ts';
import { isSafeFilePath, parseRepository } from './repository-paths.ts';

export interface StageOptions {
  readonly modelsFolder: string;
  readonly repository: string;
  describe(path: string, id: string): Promise<InstalledModel>;
  /** Called with the files of a model whose hashes have just been computed. */
  remember(folder: string, manifest: Manifest): Promise<void>;
}

/**
 * Takes hold of `<owner>/<name>.partial` for this process.
 *
 * @throws ModelError `model_name_invalid`, `model_busy`, `folder_unwritable`, `disk_full`
 */
export async function stageModel(options: StageOptions): Promise<StagedModel> {
  const { owner, name } = parseRepository(options.repository);
  const target = join(options.modelsFolder, owner, name);
  const folder = `${target}.partial`;
  try {
    await makeFolder(folder);
    await takeLock(join(folder, LOCK), options.repository);
  } catch (error) {
    throw toWriteError(error, folder);
  }
  return new StagingFolder({ ...options, target, folder });
}

const LOCK = 'imagemill.lock';

class StagingFolder implements StagedModel {
  readonly #options: StageOptions & { readonly target: string; readonly folder: string };
  /** SHA-256 by path of the files that are whole, here or in the installed model. */
  readonly #whole = new Map<string, string>();

  constructor(options: StageOptions & { readonly target: string; readonly folder: string }) {
    this.#options = options;
  }

  async adopt(file: WantedFile, onBytes: ByteProgress, signal: AbortSignal): Promise<boolean> {
    const staged = place(this.#options.folder, file.path);
    if (await this.#isWhole(staged, file, onBytes, signal)) return true;
    if (!(await this.#isWhole(place(this.#options.target, file.path), file, onBytes, signal))) return false;
    // Of another revision, or it would have been whole; it must not replace the installed one.
    await rm(staged, { force: true });
    return true;
  }

  openPart(file: WantedFile, onBytes: ByteProgress, signal: AbortSignal): ReturnType<StagedModel['openPart']> {
    const path = place(this.#options.folder, file.path);
    return openPartFile({ path, file, onBytes, signal, onWhole: (sha256) => this.#whole.set(file.path, sha256) });
  }

  async partialBytes(file: WantedFile): Promise<number> {
    return Math.min(file.sizeBytes, (await sizeOf(partPath(place(this.#options.folder, file.path)))) ?? 0);
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#options.folder);
    return bavail * bsize;
  }

  async readText(path: string): Promise<string> {
    const staged = place(this.#options.folder, path);
    return readFile((await sizeOf(staged)) === undefined ? place(this.#options.target, path) : staged, 'utf8');
  }

  async publish(origin: ModelOrigin, files: readonly WantedFile[]): Promise<InstalledModel> {
    const { folder, target, repository, describe, remember } = this.#options;
    const paths = files.map(({ path }) => path);
    const manifest = {
      files: files
        .map(({ path, sizeBytes }) => ({ path, sizeBytes, sha256: this.#hashOf(path) }))
        .sort((a, b) => (a.path < b.path ? -1 : 1)),
    };
    try {
      const isNew = (await sizeOf(target)) === undefined;
      if (isNew) await removeStrays(folder, new Set(paths));
      else await replaceFiles(folder, target, paths);
      await writeManifestAndOrigin(isNew ? folder : target, manifest, origin);
      if (isNew) await rename(folder, target);
      else await rm(folder, { recursive: true });
      await remember(target, manifest);
    } catch (error) {
      throw toWriteError(error, target);
    }
    return describe(target, repository);
  }

  async release(): Promise<void> {
    await rm(join(this.#options.folder, LOCK), { force: true });
  }

  #hashOf(path: string): string {
    const sha256 = this.#whole.get(path);
    if (sha256 === undefined) throw new Error(`${path} is published before it is whole`);
    return sha256;
  }

  async #isWhole(path: string, file: WantedFile, onBytes: ByteProgress, signal: AbortSignal): Promise<boolean> {
    if ((await sizeOf(path)) !== file.sizeBytes) return false;
    const hasher = new FileHasher(file.digest.algorithm, file.sizeBytes);
    await readThrough(path, (bytes) => hasher.update(bytes), onBytes, signal);
    const { matches, sha256 } = hasher.finish(file.digest);
    if (matches) this.#whole.set(file.path, sha256);
    return matches;
  }
}

/** The one place where a path of a listing becomes a path of the disk. */
function place(folder: string, path: string): string {
  if (isSafeFilePath(path)) return join(folder, ...path.split('/'));
  const message = `The hub lists the file ${JSON.stringify(path)}, whose name could leave the model folder.`;
  throw new ModelError('hub_answer_invalid', message, { details: { path } });
}

/** Created exclusively; one left by a process that has died is taken over. */
async function takeLock(path: string, repository: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(`${process.pid} ${hostname()}\n`);
      await file.close();
      return;
    } catch (error) {
      if (!hasErrorCode(error, 'EEXIST')) throw error;
    }
    const [pid = '', host = ''] = (await readFile(path, 'utf8').catch(() => '')).trim().split(' ');
    if (attempt > 0 || host !== hostname() || isAlive(Number(pid))) {
      throw new ModelError(
        'model_busy',
        `${repository} is being pulled by process ${pid} on ${host}: wait for it, or delete ${path} if that process is gone.`,
        {
          details: { pid, host, lock: path },
        },
      );
    }
    await rm(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return Number.isInteger(pid) && pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return hasErrorCode(error, 'EPERM');
  }
}

/** Whatever no longer belongs to the model: parts, notes, the lock, files of an earlier revision. */
async function removeStrays(folder: string, wanted: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    const relative = path.slice(folder.length + 1).replaceAll('\\', '/');
    if (!entry.isDirectory() && !wanted.has(relative)) await rm(path, { force: true });
  }
}

/**
 * Moves the staged files into an installed model, one rename each, so that every file is whole at any moment, and
 * removes what the installed manifest lists but the new one does not. Files that no manifest knows are the user's.
 */
async function replaceFiles(folder: string, target: string, wanted: readonly string[]): Promise<void> {
  const stale = new Set((await oldManifestPaths(target)).filter((path) => !wanted.includes(path)));
  for (const path of wanted) {
    const staged = place(folder, path);
    if ((await sizeOf(staged)) === undefined) continue;
    await mkdir(dirname(place(target, path)), { recursive: true });
    await rename(staged, place(target, path));
  }
  for (const path of stale) await rm(place(target, path), { force: true });
}

async function oldManifestPaths(target: string): Promise<readonly string[]> {
  try {
    return (await findManifest(target))?.files.map(({ path }) => path) ?? [];
  } catch (error) {
    if (error instanceof ModelError && error.code === 'manifest_damaged') return [];
    throw error;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
