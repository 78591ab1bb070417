import { AppError } from '../domain/errors.ts';
import { type FileId, fileId, type KeyId, type TenantId } from '../domain/ids.ts';
import type { FilePurpose, KeptFile } from '../domain/kept-file.ts';
import type { FileFolder, FileQuery } from './order-ports.ts';
import type { ByteStream, Clock, Disk, IdSource, Store } from './ports.ts';
import { requireRoom } from './require-room.ts';

export interface ManageFilesPorts {
  readonly store: Store;
  readonly folder: FileFolder;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** How long a file is kept that does not say so itself. */
  readonly keepMs: number;
  /** Bytes of all files of a tenant together. */
  readonly maxTenantBytes: number;
}

/** Bytes that are on disk and belong to nobody yet. */
export interface StagedFile {
  readonly id: FileId;
  readonly name: string;
  readonly sizeBytes: number;
}

export interface NewFile {
  readonly tenantId: TenantId;
  readonly keyId?: KeyId | undefined;
  readonly staged: StagedFile;
  readonly purpose: FilePurpose;
  readonly keepMs: number | undefined;
}

interface FileOf {
  readonly tenantId: TenantId;
  readonly id: FileId;
}

export interface ManageFiles {
  /** Takes the bytes as they come. @throws AppError `upload_too_large`, `quota_exceeded`, `disk_full` */
  stage(input: { tenantId: TenantId; name: string; bytes: AsyncIterable<Uint8Array> }): Promise<StagedFile>;
  discard(staged: StagedFile): Promise<void>;
  keep(input: NewFile): Promise<KeptFile>;
  list(query: Omit<FileQuery, 'now'>): Promise<readonly KeptFile[]>;
  /** @throws AppError `file_not_found`, as all that follow */
  get(which: FileOf): Promise<KeptFile>;
  open(which: FileOf): Promise<{ readonly file: KeptFile; readonly bytes: ByteStream }>;
  /** @throws AppError `file_in_use` while an order reads it */
  remove(which: FileOf): Promise<void>;
  /** Removes files whose time is over; gives how many. */
  forget(): Promise<number>;
}

export function createManageFiles(ports: ManageFilesPorts): ManageFiles {
  const { store, folder, clock } = ports;
  const get = async ({ tenantId, id }: FileOf): Promise<KeptFile> => {
    const file = await store.orders.findFile(tenantId, id);
    if (file !== undefined && file.expiresAt > clock.now()) return file;
    throw fileNotFound(id);
  };
  return {
    async stage({ tenantId, name, bytes }) {
      await requireRoom(ports.disk);
      const id = fileId(`file-${ports.ids.next()}`);
      const sizeBytes = await folder.save(id, bytes);
      const used = await store.orders.fileBytes(tenantId);
      if (used + sizeBytes <= ports.maxTenantBytes) return { id, name, sizeBytes };
      await folder.remove(id);
      const { maxTenantBytes } = ports;
      const message = `The files of ${tenantId} take ${used} bytes of ${maxTenantBytes}; delete some.`;
      throw new AppError('quota_exceeded', message, { details: { quota: 'fileBytes', used, limit: maxTenantBytes } });
    },
    discard: ({ id }) => folder.remove(id),
    async keep({ staged, keepMs, keyId, ...input }) {
      const createdAt = clock.now();
      const file: KeptFile = { ...input, ...staged, keyId, createdAt, expiresAt: createdAt + (keepMs ?? ports.keepMs) };
      await store.transact(({ orders }) => orders.addFile(file));
      return file;
    },
    list: (query) => store.orders.listFiles({ ...query, now: clock.now() }),
    get,
    async open(which) {
      const file = await get(which);
      return { file, bytes: await folder.open(file.id) };
    },
    async remove(which) {
      const { id, tenantId } = await get(which);
      const isRemoved = await store.transact(async ({ orders }) => {
        if (await orders.isFileInUse(id)) throw inUse(id);
        return orders.removeFile(tenantId, id);
      });
      if (!isRemoved) throw fileNotFound(id);
      await folder.remove(id);
    },
    async forget() {
      const expired = await store.orders.expiredFiles({ now: clock.now(), limit: FORGET_AT_ONCE });
      for (const { id, tenantId } of expired) {
        await store.transact(({ orders }) => orders.removeFile(tenantId, id));
        await folder.remove(id);
      }
      return expired.length;
    },
  };
}

export function fileNotFound(id: FileId): AppError {
  return new AppError('file_not_found', `There is no file ${JSON.stringify(id)}.`, { details: { id } });
}

function inUse(id: FileId): AppError {
  return new AppError('file_in_use', `A batch that has not ended reads the file ${id}.`, { details: { id } });
}

const FORGET_AT_ONCE = 1_000;
