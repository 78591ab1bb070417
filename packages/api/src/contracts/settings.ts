/** Settings of the server as they hold. */
import { z } from 'zod';

export const settingSources = ['command line', 'environment', 'file', 'default'] as const;
export type SettingSource = (typeof settingSources)[number];

export interface Setting {
  readonly name: string;
  /** `IMAGEMILL_DATA_DIR` */
  readonly variable: string;
  readonly description: string;
  readonly source: SettingSource;
  /** Absent when it is not set, and of secrets. */
  readonly value?: unknown;
  readonly isSecret: boolean;
}

export interface SettingList {
  readonly items: readonly Setting[];
}

const settingSchema: z.ZodType<Setting> = z
  .object({
    name: z.string(),
    variable: z.string(),
    description: z.string(),
    source: z.enum(settingSources),
    value: z.unknown().optional(),
    isSecret: z.boolean(),
  })
  .meta({ id: 'Setting' });

export const settingListSchema: z.ZodType<SettingList> = z
  .object({ items: z.array(settingSchema) })
  .meta({ id: 'SettingList' });
