import { z } from 'zod';
import { settingSchemas, variableOf } from './schema.ts';

/** A setting in words and numbers, for documentation. */
export interface SettingDescription {
  readonly name: string;
  readonly variable: string;
  readonly description: string;
  readonly type: string;
  readonly choices: readonly string[] | undefined;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  /** Undefined when there is none. */
  readonly default: unknown;
}

/** Every setting, in the order of the schema. */
export function describeSettings(): readonly SettingDescription[] {
  return Object.entries(settingSchemas).map(([name, schema]) => {
    const json = z.toJSONSchema(schema, { io: 'input' });
    return {
      name,
      variable: variableOf(name),
      description: json.description ?? '',
      type: typeof json.type === 'string' ? json.type : 'string',
      choices: json.enum?.map(String),
      minimum: json.minimum,
      maximum: json.maximum,
      default: json.default,
    };
  });
}
