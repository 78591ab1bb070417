import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type FileState, fileState } from '@imagemill/diffusion';
import type { LoraKey, LoraLibrary, UsableLora } from '../../application/lora-ports.ts';
import type { Logger, ModelCatalog } from '../../application/ports.ts';
import { storageError } from '../../application/storage-error.ts';
import { AppError } from '../../domain/errors.ts';
import { type TenantId, tenantId } from '../../domain/ids.ts';
import type { Lora, LoraContent } from '../../domain/lora.ts';
import { createFindFits, readLoraContent } from './read-lora-content.ts';

export interface LoraFoldersOptions {
  /** Folders of the installation, searched with what lies below them. The first that has a name wins it. */
  readonly shared: readonly string[];
  /** Folder of the uploads, one folder a tenant. */
  readonly uploads: string;
  /** Largest upload, in bytes. */
  readonly maxBytes: number;
  readonly models: ModelCatalog;
  readonly log: Logger;
}

interface Known extends FileState {
  readonly lora: Lora;
}

/**
 * Adapters in folders. The folders are looked at again and again instead of being watched, which holds on network
 * file systems and in containers too; a file is read anew only when its size, times or place have changed.
 */
export class LoraFolders implements LoraLibrary {
  readonly #options: LoraFoldersOptions;
  readonly #findFits: ReturnType<typeof createFindFits>;
  /** By path. */
  #known: ReadonlyMap<string, Known> = new Map();
  #refreshing: Promise<void> | undefined;

  constructor(options: LoraFoldersOptions) {
    this.#options = options;
    this.#findFits = createFindFits(options.models);
  }

  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  list(tenant: TenantId): readonly Lora[] {
    const seen = new Map<string, Lora>();
    const all = [...this.#known.values()].map(({ lora }) => lora);
    for (const lora of [
      ...all.filter(({ owner }) => owner === tenant),
      ...all.filter(({ owner }) => owner === undefined),
    ]) {
      if (!seen.has(lora.name)) seen.set(lora.name, lora);
    }
    return [...seen.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Every tenant's own. */
  get uploads(): readonly Lora[] {
    return [...this.#known.values()].flatMap(({ lora }) => (lora.owner === undefined ? [] : [lora]));
  }

  find(tenant: TenantId, by: LoraKey): UsableLora | undefined {
    const candidates =
      'name' in by
        ? this.list(tenant).filter(({ name }) => name === by.name)
        : [...this.#known.values()]
            .map(({ lora }) => lora)
            .filter((lora) => isSeenBy(lora, tenant) && hashOf(lora) === by.sha256);
    return candidates.find(isUsable);
  }

  async bring(tenant: TenantId, by: LoraKey): Promise<UsableLora | undefined> {
    const known = this.find(tenant, by);
    if (known !== undefined) return known;
    await this.refresh();
    return this.find(tenant, by);
  }

  /** One look at a time; who asks during one gets the next. */
  async refresh(): Promise<void> {
    while (this.#refreshing !== undefined) await this.#refreshing;
    this.#refreshing = this.#look().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async add(tenant: TenantId, name: string, bytes: AsyncIterable<Uint8Array>): Promise<Lora> {
    const folder = join(this.#options.uploads, tenant);
    const part = join(folder, `.${randomUUID()}.part`);
    try {
      await mkdir(folder, { recursive: true });
      const sha256 = await receive(bytes, part, this.#options.maxBytes);
      const content = await readLoraContent(part, this.#findFits);
      if (content.kind === 'unusable') throw rejected(name, content.problem.message.replaceAll(part, 'The file'));
      await this.refresh();
      const there = this.list(tenant).find((lora) => lora.name === name);
      if (there !== undefined) {
        if (hashOf(there) === sha256) return there;
        const message = `There is a LoRA ${JSON.stringify(name)} with other content. Choose another name, or delete that one first.`;
        throw new AppError('lora_exists', message, { details: { name } });
      }
      await rename(part, join(folder, `${name}.safetensors`));
    } catch (error) {
      throw storageError(error, `The LoRA ${JSON.stringify(name)} cannot be stored`);
    } finally {
      await rm(part, { force: true });
    }
    await this.refresh();
    const added = this.list(tenant).find((lora) => lora.name === name);
    if (added === undefined) throw rejected(name, 'it was removed while it was being stored.');
    return added;
  }

  async remove(tenant: TenantId, name: string): Promise<boolean> {
    const lora = this.list(tenant).find((candidate) => candidate.name === name);
    if (lora === undefined) return false;
    if (lora.owner === undefined) {
      const message = `The LoRA ${JSON.stringify(name)} belongs to the installation. Remove its file from the folder of LoRAs.`;
      throw new AppError('lora_protected', message, { details: { name } });
    }
    await rm(lora.path, { force: true });
    await this.refresh();
    return true;
  }

  async #look(): Promise<void> {
    const next = new Map<string, Known>();
    for (const folder of this.#options.shared) {
      for (const path of await filesIn(folder)) await this.#lookAt(next, path, nameOf(folder, path), undefined);
    }
    for (const tenant of await foldersIn(this.#options.uploads)) {
      const folder = join(this.#options.uploads, tenant);
      for (const path of await filesIn(folder)) await this.#lookAt(next, path, nameOf(folder, path), tenantId(tenant));
    }
    for (const [path, { lora }] of next) {
      const isNew = this.#known.get(path)?.lora !== lora;
      if (isNew && lora.content.kind === 'unusable')
        this.#options.log.warn({ lora: lora.name, problem: lora.content.problem.message }, 'a LoRA cannot be used');
    }
    this.#known = next;
  }

  async #lookAt(next: Map<string, Known>, path: string, name: string, owner: TenantId | undefined): Promise<void> {
    const seen = await fileState(path);
    if (seen.state === '' || next.has(path)) return;
    const known = this.#known.get(path);
    // A file that was young when it was read, or could not be read, may be half a copy.
    if (known?.state === seen.state && !known.isYoung) {
      next.set(path, known);
      return;
    }
    const content = await readLoraContent(path, this.#findFits);
    const isSame = known !== undefined && JSON.stringify(known.lora.content) === JSON.stringify(content);
    const sizeBytes = Number(seen.state.split(' ')[0]);
    const lora = isSame ? known.lora : { name, path, owner, sizeBytes, addedAt: Date.now(), content };
    next.set(path, { ...seen, lora });
  }
}

/** Writes a stream to a file; gives its hash. @throws AppError `upload_too_large` */
async function receive(bytes: AsyncIterable<Uint8Array>, path: string, maxBytes: number): Promise<string> {
  const hash = createHash('sha256');
  let received = 0;
  const counted = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      received += chunk.length;
      hash.update(chunk);
      if (received <= maxBytes) return done(null, chunk);
      const message = `The file is larger than ${maxBytes} bytes, which the setting maxLoraBytes allows.`;
      return done(new AppError('upload_too_large', message, { details: { maxBytes } }));
    },
  });
  await pipeline(Readable.from(bytes), counted, createWriteStream(path, { flush: true }));
  return hash.digest('hex');
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => /^[^.].*\.safetensors$/i.test(entry.name) && !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

function nameOf(folder: string, path: string): string {
  return relative(folder, path)
    .replace(/\.safetensors$/i, '')
    .split(sep)
    .join('/');
}

function isSeenBy(lora: Lora, tenant: TenantId): boolean {
  return lora.owner === undefined || lora.owner === tenant;
}

function isUsable(lora: Lora): lora is UsableLora {
  return lora.content.kind === 'usable';
}

export function hashOf({ content }: Lora): string | undefined {
  return (content as Partial<Extract<LoraContent, { kind: 'usable' }>>).sha256;
}

function rejected(name: string, problem: string): AppError {
  return new AppError(
    'lora_rejected',
    `The file ${JSON.stringify(name)} is no LoRA that can be drawn with: ${problem}`,
    {
      details: { name },
    },
  );
}
