import { AppError } from './errors.ts';
import type { TenantId } from './ids.ts';
import type { Notice } from './notice.ts';

/** An adapter of the library. */
export interface Lora {
  /** File name without its ending; with the folders above it inside the library, by `/`. */
  readonly name: string;
  readonly path: string;
  /** Whose upload it is; undefined for the files of the installation, which all tenants see. */
  readonly owner: TenantId | undefined;
  readonly sizeBytes: number;
  readonly addedAt: number;
  readonly content: LoraContent;
}

/** What reading the file gave. */
export type LoraContent =
  | {
      readonly kind: 'usable';
      readonly sha256: string;
      /** The highest of its layers. */
      readonly rank: number;
      /** Layers that it changes. */
      readonly layers: number;
      /** Models that have all these layers in these widths. */
      readonly models: readonly string[];
      readonly description: string | undefined;
      readonly triggerWords: readonly string[];
      /** What was left out of the file. */
      readonly warnings: readonly Notice[];
    }
  | { readonly kind: 'unusable'; readonly problem: Notice };

/** A name that is a file name on every system and a path segment in a URL: no separators, no leading dot. */
export function isLoraName(name: string): boolean {
  return /^[\p{L}\p{N}_][\p{L}\p{N}_.+ -]{0,119}$/u.test(name) && !/[. ]$/.test(name) && !RESERVED.test(name);
}

/** Device names of Windows, which are no files there. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** The name that an uploaded file asks for. @throws AppError `validation_failed` */
export function loraNameOf(fileName: string): string {
  const name = fileName.replace(/^.*[\\/]/s, '').replace(/\.safetensors$/i, '');
  if (isLoraName(name)) return name;
  const expected = 'a file name of up to 120 letters, digits, spaces, dots, hyphens, plus signs and underscores';
  const message = `The name ${JSON.stringify(fileName.slice(0, 200))} cannot be that of a LoRA: ${expected} is expected.`;
  const field = { field: 'name', code: 'invalid_character' as const, message, got: fileName.slice(0, 200), expected };
  throw new AppError('validation_failed', message, { fields: [field] });
}
