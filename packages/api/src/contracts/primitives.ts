import { z } from 'zod';

/** RFC 3339 in UTC with milliseconds, e.g. `2026-11-22T19:41:00.000Z`. */
export const timestampSchema: z.ZodType<string> = z
  .string()
  .meta({ format: 'date-time', description: 'RFC 3339 in UTC', example: '2026-11-22T19:41:00.000Z' });

/** A UUID of version 7: ids of one kind sort by the time they were made. */
export const idSchema: z.ZodType<string> = z
  .string()
  .meta({ description: 'UUID version 7; sorts by time of creation', example: '01936f2e-5c1a-7b60-8a9d-3f4e5d6c7b8a' });

/** Rank of waiting work. A lower class gets a small guaranteed share while a higher one has jobs. */
export const priorities = ['interactive', 'standard', 'bulk'] as const;
export type Priority = (typeof priorities)[number];

export const pictureFormats = ['png', 'jpeg', 'webp'] as const;
export type PictureFormat = (typeof pictureFormats)[number];

/** What to do about a size that cannot be drawn. */
export const oversizePolicies = ['fit', 'reject'] as const;
export type OversizePolicy = (typeof oversizePolicies)[number];

/** Something that was done another way than asked, and yet done. */
export interface Warning {
  /** Stable, e.g. `size_reduced`. */
  readonly code: string;
  readonly message: string;
}

export const warningSchema: z.ZodType<Warning> = z.object({ code: z.string(), message: z.string() });
