import type {
  Bulk,
  BulkPage,
  BulkPlan,
  BulkQuery,
  BulkRowPage,
  ListBulkRowsQuery,
  ListBulksQuery,
} from '../contracts/bulk.ts';
import { type Call, queryString } from './administration.ts';
import type { CallOptions } from './client.ts';

/** What holds for all rows of a bulk. */
export type BulkSettingsQuery = Partial<Omit<BulkQuery, 'dryRun'>>;

/** Files of rows that are drawn. */
export interface BulkClient {
  /** Hands in a file of rows; the ending of its name says what it is. */
  createBulk(fileName: string, file: Blob, query: BulkSettingsQuery, options?: CallOptions): Promise<Bulk>;
  /** What it would be; draws nothing. */
  planBulk(fileName: string, file: Blob, query: BulkSettingsQuery, options?: CallOptions): Promise<BulkPlan>;
  /** Newest first. */
  listBulks(query?: Partial<ListBulksQuery>, options?: CallOptions): Promise<BulkPage>;
  getBulk(id: string, options?: CallOptions): Promise<Bulk>;
  listBulkRows(
    id: string,
    query?: Partial<Omit<ListBulkRowsQuery, 'cursor'>> & { cursor?: string | undefined },
    options?: CallOptions,
  ): Promise<BulkRowPage>;
  cancelBulk(id: string, options?: CallOptions): Promise<Bulk>;
  /** Reads no more rows and holds back what waits, until it is resumed. */
  pauseBulk(id: string, options?: CallOptions): Promise<Bulk>;
  resumeBulk(id: string, options?: CallOptions): Promise<Bulk>;
}

export function createBulkClient(call: Call): BulkClient {
  const at = (id: string): string => `/v1/bulks/${encodeURIComponent(id)}`;
  return {
    createBulk: (fileName, file, query, o = {}) =>
      call('POST', `/v1/bulks${settingsQuery(query)}`, { ...o, form: formOf(fileName, file) }),
    planBulk: (fileName, file, query, o = {}) =>
      call('POST', `/v1/bulks${settingsQuery(query, { dryRun: true })}`, { ...o, form: formOf(fileName, file) }),
    listBulks: (query = {}, o = {}) => call('GET', `/v1/bulks${queryString(query)}`, o),
    getBulk: (id, o = {}) => call('GET', at(id), o),
    listBulkRows: (id, query = {}, o = {}) => call('GET', `${at(id)}/rows${queryString(query)}`, o),
    cancelBulk: (id, o = {}) => call('POST', `${at(id)}/cancel`, o),
    pauseBulk: (id, o = {}) => call('POST', `${at(id)}/pause`, o),
    resumeBulk: (id, o = {}) => call('POST', `${at(id)}/resume`, o),
  };
}

function settingsQuery({ columns, ...query }: BulkSettingsQuery, more: { readonly dryRun?: boolean } = {}): string {
  return queryString({ ...query, columns: columns && JSON.stringify(columns), ...more });
}

/** A form with one file. */
export function formOf(fileName: string, file: Blob): FormData {
  const form = new FormData();
  form.set('file', file, fileName);
  return form;
}
