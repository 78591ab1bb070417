import { describeSettings } from './describe.ts';
import type { Config, SettingSource } from './load.ts';
import { type SettingName, secretSettings } from './schema.ts';

/** A setting as it holds, for whoever administers the server. */
export interface EffectiveSetting {
  readonly name: string;
  readonly variable: string;
  readonly description: string;
  readonly source: SettingSource;
  /** As JSON has it; undefined when it is not set. Of a secret only whether it is set. */
  readonly value: unknown;
  readonly isSecret: boolean;
}

/** Every setting with where it came from, in the order of the documentation; secrets are never in it. */
export function effectiveSettings(config: Config): readonly EffectiveSetting[] {
  return describeSettings().map(({ name, variable, description }) => {
    const value: unknown = config[name as SettingName];
    const isSecret = secretSettings.has(name);
    const source = config.settingSources[name] ?? 'default';
    return { name, variable, description, source, isSecret, value: isSecret ? undefined : withoutPasswords(value) };
  });
}

/** An address may hold a password: `postgres://mill:secret@db/mill`. */
function withoutPasswords(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPasswords);
  if (typeof value !== 'string' || !/^[a-z][a-z0-9+.-]*:\/\/[^/]*@/i.test(value)) return value;
  return value.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1…@');
}
