import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { FileCopies } from '../../application/file-copies.ts';
import type { LoraKey, LoraLibrary, LoraUpload, UsableLora } from '../../application/lora-ports.ts';
import type { Clock, IdSource, Logger, Store } from '../../application/ports.ts';
import { AppError } from '../../domain/errors.ts';
import { contentHash, type TenantId } from '../../domain/ids.ts';
import type { Lora } from '../../domain/lora.ts';
import { hashOf, type LoraFolders } from './lora-folders.ts';

export interface BucketLorasOptions {
  /** The installation's adapters, and a folder of this process alone for the uploads. */
  readonly folders: LoraFolders;
  /** The latter. */
  readonly cache: string;
  /** Uploads of a time when there was no bucket; each is taken over once. */
  readonly before: LoraFolders;
  readonly copies: FileCopies;
  readonly store: Pick<Store, 'listLoraUploads' | 'transact'>;
  /** Whether uploads are fetched as soon as they are on record: whoever lists them must have read them. */
  readonly keepsAll: boolean;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Uploads for processes that share no folder: on record by name and hash, their bytes in a bucket. The folder of a
 * process follows the records, and every file that is fetched is checked against its hash.
 */
export class BucketLoras implements LoraLibrary {
  readonly #options: BucketLorasOptions;
  /** As the last look found them. */
  #uploads: readonly LoraUpload[] = [];
  /** Names on their way into the records, which a look leaves alone. */
  readonly #arriving = new Set<string>();
  readonly #fetching = new Map<string, Promise<void>>();
  /** Uploads whose fault was logged. */
  readonly #complained = new Set<string>();
  #looking: Promise<void> | undefined;
  #fetchingAll: Promise<void> | undefined;

  constructor(options: BucketLorasOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#uploads.length === 0 && this.#options.folders.isEmpty;
  }

  list(tenant: TenantId): readonly Lora[] {
    return this.#options.folders.list(tenant);
  }

  find(tenant: TenantId, by: LoraKey): UsableLora | undefined {
    return this.#options.folders.find(tenant, by);
  }

  async bring(tenant: TenantId, by: LoraKey): Promise<UsableLora | undefined> {
    const { folders, store } = this.#options;
    const known = this.find(tenant, by);
    if (known !== undefined) return known;
    this.#uploads = await store.listLoraUploads();
    const upload = this.#uploads.find((one) => one.tenantId === tenant && isMeant(one, by));
    if (upload !== undefined) await this.#fetch(upload);
    await folders.refresh();
    return this.find(tenant, by);
  }

  /** One look at a time; who asks during one gets the next. */
  async refresh(): Promise<void> {
    while (this.#looking !== undefined) await this.#looking;
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
    void this.fetchMissing();
  }

  async add(tenant: TenantId, name: string, bytes: AsyncIterable<Uint8Array>): Promise<Lora> {
    // A name that was freed at another process is free here too.
    await this.refresh();
    const arriving = this.#pathOf({ tenantId: tenant, name });
    this.#arriving.add(arriving);
    try {
      const lora = await this.#options.folders.add(tenant, name, bytes);
      await this.#keep(tenant, lora).catch(async (error: unknown) => {
        // What is on record after all is fetched again.
        await rm(lora.path, { force: true });
        await this.#options.folders.refresh();
        throw error;
      });
      return lora;
    } finally {
      this.#arriving.delete(arriving);
    }
  }

  async remove(tenant: TenantId, name: string): Promise<boolean> {
    const { folders, store, copies, log } = this.#options;
    const upload = await store.transact((transaction) => transaction.removeLoraUpload({ tenantId: tenant, name }));
    if (upload === undefined) {
      await this.refresh();
      return folders.remove(tenant, name);
    }
    await copies.remove(bucketNameOf(upload)).catch((err: unknown) => {
      log.warn({ err, lora: name }, 'the bytes of a deleted LoRA are still in the bucket');
    });
    await this.refresh();
    return true;
  }

  /** Takes over what was uploaded before there was a bucket. */
  async adopt(): Promise<void> {
    const { before, log } = this.#options;
    await before.refresh();
    for (const lora of before.uploads) {
      if (lora.owner === undefined || lora.content.kind === 'unusable') continue;
      try {
        await this.#keep(lora.owner, lora);
        await rm(lora.path, { force: true });
        log.info({ lora: lora.name, tenant: lora.owner }, 'an upload was taken over into the bucket');
      } catch (err) {
        log.warn({ err, lora: lora.name }, 'an upload could not be taken over into the bucket');
      }
    }
  }

  /** Puts the bytes in the bucket and the upload on record, in this order, so that what is on record can be fetched. */
  async #keep(tenant: TenantId, lora: Lora): Promise<void> {
    const { store, copies, ids, clock } = this.#options;
    const sha256 = contentHash(hashOf(lora) ?? '');
    const { name, sizeBytes } = lora;
    const upload = { id: ids.next(), tenantId: tenant, name, sha256, sizeBytes, createdAt: clock.now() };
    if (
      isSame(
        this.#uploads.find((one) => isOf(one, upload)),
        upload,
      )
    )
      return;
    await copies.keep(bucketNameOf(upload), lora.path);
    // When this breaks off nobody knows whether it counted, and bytes that are on record must stay.
    const known = await store.transact((transaction) => transaction.addLoraUpload(upload));
    if (known === undefined) {
      this.#uploads = [...this.#uploads, upload];
      return;
    }
    await copies.remove(bucketNameOf(upload)).catch(() => undefined);
    if (isSame(known, upload)) return;
    const message = `There is a LoRA ${JSON.stringify(name)} with other content. Choose another name, or delete that one first.`;
    throw new AppError('lora_exists', message, { details: { name } });
  }

  async #look(): Promise<void> {
    const { folders, store } = this.#options;
    const arriving = new Set(this.#arriving);
    this.#uploads = await store.listLoraUploads();
    await folders.refresh();
    const onRecord = new Map(this.#uploads.map((upload) => [this.#pathOf(upload), upload]));
    let hasChanged = false;
    for (const lora of folders.uploads) {
      const isOnRecord = hashOf(lora) === onRecord.get(lora.path)?.sha256;
      if (isOnRecord || arriving.has(lora.path) || this.#arriving.has(lora.path)) continue;
      await rm(lora.path, { force: true });
      hasChanged = true;
    }
    if (hasChanged) await folders.refresh();
  }

  /** Has every upload here, where all must be. Nobody waits for it: the bucket may be slow, or away. */
  fetchMissing(): Promise<void> {
    this.#fetchingAll ??= this.#fetchAll().finally(() => {
      this.#fetchingAll = undefined;
    });
    return this.#fetchingAll;
  }

  async #fetchAll(): Promise<void> {
    const { folders, keepsAll, log } = this.#options;
    if (!keepsAll) return;
    const there = new Set(folders.uploads.map(({ path }) => path));
    const missing = this.#uploads.filter((upload) => !there.has(this.#pathOf(upload)));
    for (const upload of missing) {
      try {
        await this.#fetch(upload);
        this.#complained.delete(upload.id);
      } catch (err) {
        if (!this.#complained.has(upload.id)) log.warn({ err, lora: upload.name }, 'an uploaded LoRA is not here yet');
        this.#complained.add(upload.id);
      }
    }
    if (missing.length > 0) await folders.refresh();
  }

  /** Has the file of an upload in the folder; two who need it wait for one. */
  #fetch(upload: LoraUpload): Promise<void> {
    const running = this.#fetching.get(upload.id);
    if (running !== undefined) return running;
    const fetching = this.#fetchChecked(upload).finally(() => this.#fetching.delete(upload.id));
    this.#fetching.set(upload.id, fetching);
    return fetching;
  }

  async #fetchChecked(upload: LoraUpload): Promise<void> {
    const { copies, cache } = this.#options;
    const folder = join(cache, upload.tenantId);
    const part = join(folder, `.${randomUUID()}.part`);
    try {
      await mkdir(folder, { recursive: true });
      if (!(await copies.bring(bucketNameOf(upload), part))) throw unavailable(upload, 'are not in the bucket');
      if ((await hashFile(part)) !== upload.sha256) throw unavailable(upload, 'in the bucket are damaged');
      await rename(part, this.#pathOf(upload));
    } finally {
      await rm(part, { force: true });
    }
  }

  #pathOf({ tenantId: tenant, name }: Pick<LoraUpload, 'tenantId' | 'name'>): string {
    return join(this.#options.cache, tenant, `${name}.safetensors`);
  }
}

/** Where the bytes of an upload are in the bucket. */
export function bucketNameOf({ id }: Pick<LoraUpload, 'id'>): string {
  return `loras/${id}.safetensors`;
}

function isMeant(upload: LoraUpload, by: LoraKey): boolean {
  return 'name' in by ? upload.name === by.name : upload.sha256 === by.sha256;
}

function isOf(upload: LoraUpload, { tenantId: tenant, name }: Pick<LoraUpload, 'tenantId' | 'name'>): boolean {
  return upload.tenantId === tenant && upload.name === name;
}

function isSame(known: LoraUpload | undefined, upload: LoraUpload): boolean {
  return known?.sha256 === upload.sha256;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function unavailable({ name, sha256 }: LoraUpload, what: string): AppError {
  const message = `The bytes of the LoRA ${JSON.stringify(name)} ${what}.`;
  return new AppError('lora_unavailable', message, { details: { lora: name, sha256 } });
}
