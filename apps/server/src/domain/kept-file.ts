import type { FileId, KeyId, TenantId } from './ids.ts';

/** What a file is for; the names are those of OpenAI's Files API. */
export const filePurposes = ['batch', 'vision', 'user_data', 'batch_output'] as const;
export type FilePurpose = (typeof filePurposes)[number];

/** A file that a client handed in to refer to it later, or that was written for it. Its bytes lie elsewhere. */
export interface KeptFile {
  readonly id: FileId;
  readonly tenantId: TenantId;
  readonly keyId: KeyId | undefined;
  readonly name: string;
  readonly purpose: FilePurpose;
  readonly sizeBytes: number;
  readonly createdAt: number;
  /** Then it is forgotten, unless an order that has not ended needs it. */
  readonly expiresAt: number;
}
