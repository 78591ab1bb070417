/** How long what a tenant drew is kept. */
import { z } from 'zod';

export interface Retention {
  /** Days after which pictures are removed; absent keeps them. */
  readonly picturesDays?: number | undefined;
  /** Days after which records of generations that have ended are removed, with their pictures; absent keeps them. */
  readonly recordsDays?: number | undefined;
  /** Whether pictures with a star, and the records of their generations, stay. */
  readonly keepStarred: boolean;
}

/** Body of `PUT /v1/retention`; what is absent is as for the installation, null keeps for ever. */
export interface RetentionChange {
  readonly picturesDays?: number | null | undefined;
  readonly recordsDays?: number | null | undefined;
  readonly keepStarred?: boolean | undefined;
}

const days = z.int().min(1).max(36_500);

export const retentionChangeSchema: z.ZodType<RetentionChange> = z
  .strictObject({
    picturesDays: days.nullable().optional(),
    recordsDays: days.nullable().optional(),
    keepStarred: z.boolean().optional(),
  })
  .meta({ id: 'RetentionChange' });

/** Answer of `GET /v1/retention`. */
export interface RetentionAnswer {
  /** As it holds for the tenant. */
  readonly retention: Retention;
  /** What the tenant changed of the installation's; absent when nothing. */
  readonly own?: RetentionChange | undefined;
}

export const retentionAnswerSchema: z.ZodType<RetentionAnswer> = z
  .object({
    retention: z.object({
      picturesDays: days.optional(),
      recordsDays: days.optional(),
      keepStarred: z.boolean(),
    }),
    own: retentionChangeSchema.optional(),
  })
  .meta({ id: 'RetentionAnswer' });
