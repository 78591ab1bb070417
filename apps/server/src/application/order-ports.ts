/**
 * What files and orders need from outside.
 *
 * - *file folder*: bytes of files, written and read as streams.
 * - *door*: knows what a line of a file means and what its answer looks like. The HTTP route of the same name has the
 *   same parser, so a line is what a request would be.
 */
import type { FileId, GenerationId, OrderId, TenantId } from '../domain/ids.ts';
import type { FilePurpose, KeptFile } from '../domain/kept-file.ts';
import type { Order, OrderError, OrderLine, OrderState, OrderUsage, Refusal } from '../domain/order.ts';
import type { ByteStream, GenerationRecord } from './ports.ts';
import type { SubmitGenerationInput } from './submit-generation.ts';

export interface FileFolder {
  /** Keeps the bytes under a name that is not taken; gives their number. @throws AppError `upload_too_large`, `disk_full` */
  save(id: FileId, bytes: AsyncIterable<Uint8Array>): Promise<number>;
  /** Writes text bit by bit; what was under the name before is gone. */
  write(id: FileId): Promise<FileWriter>;
  /** @throws AppError `file_not_found` */
  open(id: FileId): Promise<ByteStream>;
  /** Lines with a text, numbered from 1, one at a time. @throws AppError `file_not_found` */
  lines(id: FileId): AsyncIterable<TextLine>;
  remove(id: FileId): Promise<void>;
}

export interface FileWriter {
  /** Returns when there is room for more. */
  write(text: string): Promise<void>;
  /** On disk when it returns; gives the number of bytes. */
  close(): Promise<number>;
  /** Throws away what was written. */
  discard(): Promise<void>;
}

export interface FileQuery {
  readonly tenantId: TenantId;
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  readonly purpose?: FilePurpose | undefined;
  /** Only those that follow this one. */
  readonly after?: FileId | undefined;
  /** Those whose time is over by then are left out. */
  readonly now: number;
}

/** A line of a file, or why there is none. */
export type TextLine = { readonly line: number } & (
  | { readonly text: string }
  | { readonly problem: 'too_long' | 'not_utf8' }
);

/** A line as a request, or what is wrong with it. */
export type RequestLine = { readonly line: number } & (
  | { readonly customId: string; readonly body: Readonly<Record<string, unknown>> }
  | { readonly error: OrderError }
);

export type LineInput = Omit<SubmitGenerationInput, 'tenantId' | 'keyId' | 'idempotency'>;

export interface OrderDoor {
  /** A line as a request to an endpoint. */
  parse(line: TextLine, endpoint: string): RequestLine;
  /** What a line asks for. @throws AppError for what the endpoint would refuse */
  evaluate(request: {
    readonly tenantId: TenantId;
    readonly endpoint: string;
    readonly body: Readonly<Record<string, unknown>>;
  }): Promise<{ readonly input: LineInput; readonly bodyHash: string }>;
  /** What the endpoint answers to an error. */
  refusalOf(error: Error): Refusal;
  /** What the endpoint answers to a generation that has ended; pictures by address. */
  answerOf(
    record: GenerationRecord,
    context: { readonly body: Readonly<Record<string, unknown>>; readonly origin: string },
  ): Refusal & { readonly usage: OrderUsage };
}

export interface OrderReader {
  findFile(tenantId: TenantId, id: FileId): Promise<KeptFile | undefined>;
  listFiles(query: FileQuery): Promise<readonly KeptFile[]>;
  /** Bytes of all files of a tenant. */
  fileBytes(tenantId: TenantId): Promise<number>;
  /** Files of all tenants whose time is over and which no order needs. */
  expiredFiles(query: { readonly now: number; readonly limit: number }): Promise<readonly KeptFile[]>;
  /** Whether an order that has not ended reads it. */
  isFileInUse(id: FileId): Promise<boolean>;
  find(tenantId: TenantId, id: OrderId): Promise<Order | undefined>;
  /** Newest first. */
  list(query: { tenantId: TenantId; limit: number; after?: OrderId | undefined }): Promise<readonly Order[]>;
  countUnfinished(tenantId: TenantId): Promise<number>;
  /** Of all tenants. */
  unfinished(): Promise<readonly Order[]>;
  /** By line, both ends included. */
  lines(id: OrderId, from: number, to: number): Promise<readonly OrderLine[]>;
  /** Lines whose generation has not ended. */
  openLines(id: OrderId, limit: number): Promise<readonly OrderLine[]>;
}

export type OrderChanges = Partial<Pick<Order, 'errors' | 'end' | 'outputFileId' | 'errorFileId' | 'usage' | 'counts'>>;

export interface OrderTransaction extends OrderReader {
  addFile(file: KeptFile): Promise<void>;
  removeFile(tenantId: TenantId, id: FileId): Promise<boolean>;
  save(order: Order): Promise<void>;
  /** Writes the state, when it was reached and what else changed, if the order still is in the state named. */
  move(id: OrderId, from: OrderState, to: OrderState, at: number, changes?: OrderChanges): Promise<boolean>;
  /** Takes lines in and counts those that have ended already. */
  addLines(lines: readonly OrderLine[]): Promise<void>;
  /** Writes down which lines have ended because their generation has, and counts them; gives their orders. */
  settle(which: Settled): Promise<readonly OrderId[]>;
  /** Forgets the lines of an order: its files say it all. */
  removeLines(id: OrderId): Promise<void>;
}

export type Settled =
  | { readonly generationIds: readonly GenerationId[] }
  | { readonly orderId: OrderId; readonly from: number; readonly to: number };
