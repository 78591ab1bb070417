import type { ContentHash, TenantId } from '../domain/ids.ts';
import type { Lora, LoraContent } from '../domain/lora.ts';

export type UsableLora = Lora & { readonly content: Extract<LoraContent, { kind: 'usable' }> };

/** Which adapter is meant: by its name, or by its content. */
export type LoraKey = { readonly name: string } | { readonly sha256: string };

/** Adapters that are there right now: the installation's and each tenant's own. */
export interface LoraLibrary {
  /** Whether there is none, whosever. */
  readonly isEmpty: boolean;
  /** What a tenant sees, by name. Its own stands before the installation's of the same name. */
  list(tenantId: TenantId): readonly Lora[];
  /** The usable adapter of that name or content, as the last look found it. */
  find(tenantId: TenantId, by: LoraKey): UsableLora | undefined;
  /**
   * The usable adapter, looked for again and fetched from where processes keep them when it was not there.
   *
   * @throws AppError `lora_unavailable` when it is on record and its bytes cannot be had, and storage faults
   */
  bring(tenantId: TenantId, by: LoraKey): Promise<UsableLora | undefined>;
  /** Looks at the folders now. */
  refresh(): Promise<void>;
  /**
   * Keeps an upload under the name. The same content again changes nothing.
   * @throws AppError `lora_rejected` (not an adapter that can be drawn with), `lora_exists` (other content under this
   * name), `upload_too_large`, `disk_full`, `storage_failed`
   */
  add(tenantId: TenantId, name: string, bytes: AsyncIterable<Uint8Array>): Promise<Lora>;
  /** Removes an upload; gives whether it was there. @throws AppError `lora_protected` for one of the installation's */
  remove(tenantId: TenantId, name: string): Promise<boolean>;
}

/** An upload on record whose bytes are where all processes of a cluster find them. */
export interface LoraUpload {
  /** Names its bytes, which never change. */
  readonly id: string;
  readonly tenantId: TenantId;
  readonly name: string;
  readonly sha256: ContentHash;
  readonly sizeBytes: number;
  readonly createdAt: number;
}
