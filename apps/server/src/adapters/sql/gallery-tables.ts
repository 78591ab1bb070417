import { type RawBuilder, sql } from 'kysely';

/** What the owner of a picture noted about it; a picture without a row has no marks. */
export interface PictureMarksTable {
  job_id: string;
  tenant_id: string;
  starred: number;
  deleted_at: number | null;
}

export interface PictureTagsTable {
  tenant_id: string;
  tag: string;
  job_id: string;
}

export interface GalleryTables {
  picture_marks: PictureMarksTable;
  picture_tags: PictureTagsTable;
}

/** Migration: marks and tags of pictures, and the order of the gallery. */
export const galleryTables = (): readonly RawBuilder<unknown>[] => [
  sql`
    create table picture_marks (
      job_id text not null primary key references jobs (id),
      tenant_id text not null,
      starred bigint not null,
      deleted_at bigint
    )`,
  sql`create index picture_marks_starred on picture_marks (tenant_id, job_id) where starred = 1`,
  sql`
    create table picture_tags (
      tenant_id text not null,
      tag text not null,
      job_id text not null references jobs (id),
      primary key (tenant_id, tag, job_id)
    )`,
  sql`create index picture_tags_by_job on picture_tags (job_id)`,
  sql`create index jobs_pictures on jobs (tenant_id, id) where state = 'succeeded'`,
];
