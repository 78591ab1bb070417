declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Owner of data. Every row carries one and every query of a client is scoped by it. */
export type TenantId = Branded<'tenant'>;
export type GenerationId = Branded<'generation'>;
export type JobId = Branded<'job'>;
export type AssetId = Branded<'asset'>;
/** One worker in one process; a new one each time the process starts. */
export type WorkerId = Branded<'worker'>;
/** SHA-256 in lower-case hex: the address of stored bytes. */
export type ContentHash = Branded<'sha256'>;
/** The public part of an API key. */
export type KeyId = Branded<'key'>;
export type MemberId = Branded<'member'>;
export type WebhookId = Branded<'webhook'>;
export type BulkId = Branded<'bulk'>;
export type FileId = Branded<'file'>;
export type OrderId = Branded<'order'>;

export const tenantId = (text: string): TenantId => text as TenantId;
export const generationId = (text: string): GenerationId => text as GenerationId;
export const jobId = (text: string): JobId => text as JobId;
export const assetId = (text: string): AssetId => text as AssetId;
export const workerId = (text: string): WorkerId => text as WorkerId;
export const contentHash = (text: string): ContentHash => text as ContentHash;
export const keyId = (text: string): KeyId => text as KeyId;
export const memberId = (text: string): MemberId => text as MemberId;
export const webhookId = (text: string): WebhookId => text as WebhookId;
export const bulkId = (text: string): BulkId => text as BulkId;
export const fileId = (text: string): FileId => text as FileId;
export const orderId = (text: string): OrderId => text as OrderId;

/** The installation's own tenant, and the one of everybody who needs no key. */
export const DEFAULT_TENANT: TenantId = tenantId('default');
