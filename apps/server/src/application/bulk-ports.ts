/**
 * What bulks need from outside.
 *
 * - *source*: the file that was handed in, kept until the bulk is forgotten; read row by row, never as a whole.
 * - *evaluate*: makes of a row what a client would have asked for, or says what is wrong with it.
 */
import type { Bulk, BulkCounts, BulkFormat, BulkRow, BulkSettings, RowProblem } from '../domain/bulk.ts';
import type { BulkId, GenerationId, TenantId } from '../domain/ids.ts';
import type { SubmitGenerationInput } from './submit-generation.ts';

export type SourceRow = { readonly line: number } & (
  | { readonly row: Readonly<Record<string, string>> }
  | { readonly problem: RowProblem }
);

export interface BulkSource {
  /** Keeps a file. @throws AppError `upload_too_large`, `disk_full` */
  save(id: BulkId, format: BulkFormat, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** @throws AppError `bulk_file_invalid` when it cannot be read as a whole */
  read(id: BulkId, format: BulkFormat): AsyncIterable<SourceRow>;
  remove(id: BulkId, format: BulkFormat): Promise<void>;
}

export type RowInput = Omit<SubmitGenerationInput, 'tenantId' | 'keyId' | 'idempotency'>;

export type EvaluateRow = (
  row: Readonly<Record<string, string>>,
  settings: BulkSettings,
) => { readonly input: RowInput; readonly hash: string } | { readonly problem: RowProblem };

export interface BulkReader {
  find(tenantId: TenantId, id: BulkId): Promise<Bulk | undefined>;
  /** Newest first. */
  list(query: { tenantId: TenantId; limit: number; after?: BulkId | undefined }): Promise<readonly Bulk[]>;
  /** Of all tenants. */
  unfinished(): Promise<readonly Bulk[]>;
  counts(id: BulkId): Promise<BulkCounts>;
  /** By line, those after one. */
  rows(query: {
    readonly tenantId: TenantId;
    readonly id: BulkId;
    readonly afterLine: number;
    readonly limit: number;
    readonly state?: BulkRow['state'] | undefined;
  }): Promise<readonly BulkRow[]>;
  /** Lines that are on record, both ends included. */
  knownLines(id: BulkId, from: number, to: number): Promise<ReadonlySet<number>>;
  /** The generation that an earlier bulk made of the same row. */
  findByHash(tenantId: TenantId, id: BulkId, hash: string): Promise<GenerationId | undefined>;
  openGenerations(id: BulkId, limit: number): Promise<readonly GenerationId[]>;
}

export interface BulkTransaction extends BulkReader {
  save(bulk: Bulk): Promise<void>;
  /** Writes the state and the note if it still is in the state named. */
  move(id: BulkId, from: Bulk['state'], to: Pick<Bulk, 'state' | 'note'>): Promise<boolean>;
  addRows(rows: readonly BulkRow[]): Promise<void>;
  /** Keeps the jobs of its rows that wait from being drawn. */
  hold(id: BulkId): Promise<void>;
  /** Lets those that were held be drawn from a time on, in ms. */
  release(id: BulkId, from: number): Promise<void>;
}
