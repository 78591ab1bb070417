import { AppError } from '../domain/errors.ts';
import { type FileId, fileId, type TenantId } from '../domain/ids.ts';
import type { FilePurpose, KeptFile } from '../domain/kept-file.ts';
import type { FileFolder, FileQuery } from './order-ports.ts';
import type { ByteStream, Clock, Disk, IdSource, Store } from './ports.ts';
import { requireRoom } from './require-room.ts';
import { type Act, writeAudit } from './write-audit.ts';

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
  keep(act: Act, input: NewFile): Promise<KeptFile>;
  list(query: Omit<FileQuery, 'now'>): Promise<readonly KeptFile[]>;
  /** @throws AppError `file_not_found`, as all that follow */
  get(which: FileOf): Promise<KeptFile>;
  open(which: FileOf): Promise<{ readonly file: KeptFile; readonly bytes: ByteStream }>;
  /** @throws AppError `file_in_use` while an order reads it */
  remove(act: Act, id: FileId): Promise<void>;
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
    async keep(act, { staged, keepMs, purpose }) {
      const { tenantId, keyId } = act.caller;
      const createdAt = clock.now();
      const expiresAt = createdAt + (keepMs ?? ports.keepMs);
      const file: KeptFile = { ...staged, tenantId, keyId, purpose, createdAt, expiresAt };
      await store.transact(async ({ orders, access }) => {
        await orders.addFile(file);
        const deed = { action: 'file.uploaded', target: file.id, tenantId, after: publicFacts(file) };
        await writeAudit(access, ports, act, deed);
      });
      return file;
    },
    list: (query) => store.orders.listFiles({ ...query, now: clock.now() }),
    get,
    async open(which) {
      const file = await get(which);
      return { file, bytes: await folder.open(file.id) };
    },
    async remove(act, id) {
      const { tenantId } = act.caller;
      const file = await get({ tenantId, id });
      const isRemoved = await store.transact(async ({ orders, access }) => {
        if (await orders.isFileInUse(id)) throw inUse(id);
        if (!(await orders.removeFile(tenantId, id))) return false;
        await writeAudit(access, ports, act, {
          action: 'file.deleted',
          target: id,
          tenantId,
          before: publicFacts(file),
        });
        return true;
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

/** What the audit log says of a file. */
function publicFacts({ name, purpose, sizeBytes }: KeptFile) {
  return { name, purpose, sizeBytes };
}

export function fileNotFound(id: FileId): AppError {
  return new AppError('file_not_found', `There is no file ${JSON.stringify(id)}.`, { details: { id } });
}

function inUse(id: FileId): AppError {
  return new AppError('file_in_use', `A batch that has not ended reads the file ${id}.`, { details: { id } });
}

const FORGET_AT_ONCE = 1_000;
