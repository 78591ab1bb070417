import type { PictureFormat } from '@imagemill/api';
import type { BulkSettingsQuery } from '@imagemill/api/client';
import { type ColumnRoles, mappingOf } from './columns.ts';

/** What the reader has set up for a bulk. Absent numbers stand for the model's own. */
export interface BulkDraft {
  readonly template: string;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly steps?: number | undefined;
  readonly count?: number | undefined;
  readonly seed: number;
  readonly format: PictureFormat;
  /** An earlier bulk, whose rows are not drawn again. */
  readonly unchangedSince?: string | undefined;
  /** Undefined: as the names of the columns tell. */
  readonly roles?: ColumnRoles | undefined;
}

export const emptyBulkDraft: BulkDraft = { template: '', seed: 0, format: 'png' };

/** What goes with the file. */
export function settingsOf({ template, roles, ...settings }: BulkDraft): BulkSettingsQuery {
  return {
    ...settings,
    template: template.trim() === '' ? undefined : template.trim(),
    columns: roles && mappingOf(roles),
  };
}
