import { access, constants, open, rm, stat } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import type { PictureFormat } from '@imagemill/api';
import { makeFolder } from '@imagemill/diffusion';
import { CliError, optionError } from './cli-error.ts';

/** Where pictures go: one named file, or a folder in which each is named after its prompt and seed. */
export type PictureTarget =
  | { readonly kind: 'file'; readonly path: string; readonly format: PictureFormat }
  | { readonly kind: 'folder'; readonly path: string; readonly format: PictureFormat };

export interface TargetRequest {
  /** As given; a folder, or with one picture a file name. */
  readonly out: string;
  readonly count: number;
  /** Undefined when `--format` was not given. */
  readonly format: PictureFormat | undefined;
}

/** @throws CliError `option_invalid` when out, count and format contradict each other */
export async function resolveTarget({ out, count, format }: TargetRequest): Promise<PictureTarget> {
  const path = resolve(out);
  const kind = await kindOf(path);
  const ending = extname(path).toLowerCase();
  const named = FORMAT_BY_ENDING[ending];
  const meansFile = kind !== 'folder' && !/[\\/]$/.test(out) && (named !== undefined || FOREIGN_ENDINGS.has(ending));
  if (!meansFile) {
    if (kind === 'file') throw optionError('--out', out, 'a folder, or a file name that ends in .png, .jpg or .webp');
    return { kind: 'folder', path, format: format ?? 'png' };
  }
  if (named === undefined) throw optionError('--out', out, 'a file name that ends in .png, .jpg or .webp');
  if (count > 1) throw optionError('--out', out, `a folder, as --count is ${count}`);
  if (format !== undefined && format !== named)
    throw optionError('--format', format, `${named}, as --out ends in ${ending}`);
  return { kind: 'file', path, format: named };
}

/** Makes the folder and tries whether it can be written, as pictures take long to draw. @throws CliError `output_unwritable` */
export async function ensureWritable(target: PictureTarget): Promise<void> {
  const folder = target.kind === 'file' ? dirname(target.path) : target.path;
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK);
  } catch (error) {
    throw toOutputError(error, folder);
  }
}

/** Writes one picture under a name that no file has yet, and returns the path. @throws CliError `disk_full`, `output_unwritable` */
export async function writePicture(
  target: PictureTarget,
  picture: { readonly prompt: string; readonly seed: number; readonly bytes: Uint8Array },
): Promise<string> {
  const ending = target.kind === 'file' ? extname(target.path) : ENDING_BY_FORMAT[target.format];
  const stem =
    target.kind === 'file'
      ? target.path.slice(0, -ending.length)
      : join(target.path, `${slug(picture.prompt)}-${picture.seed}`);
  try {
    await makeFolder(dirname(stem));
    for (let number = 1; ; number += 1) {
      const path = `${stem}${number === 1 ? '' : `-${number}`}${ending}`;
      if (await writeNew(path, picture.bytes)) return path;
    }
  } catch (error) {
    throw toOutputError(error, dirname(stem));
  }
}

const FORMAT_BY_ENDING: Readonly<Record<string, PictureFormat>> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
};
const ENDING_BY_FORMAT: Readonly<Record<PictureFormat, string>> = { png: '.png', jpeg: '.jpg', webp: '.webp' };
/** Endings by which people plainly mean a picture that cannot be written. */
const FOREIGN_ENDINGS: ReadonlySet<string> = new Set([
  '.gif',
  '.bmp',
  '.tif',
  '.tiff',
  '.avif',
  '.heic',
  '.jxl',
  '.svg',
  '.pdf',
]);

/** Letters and digits of any script, at most 40 of them; a file name on every system. */
export function slug(prompt: string): string {
  const words =
    prompt
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu) ?? [];
  const text = Array.from(words.join('-')).slice(0, 40).join('').replace(/-+$/, '');
  return text === '' ? 'picture' : text;
}

/** False when the name is taken; a picture that could not be written whole leaves no file. */
async function writeNew(path: string, bytes: Uint8Array): Promise<boolean> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'wx');
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    await file.writeFile(bytes);
    await file.close();
    return true;
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(path, { force: true });
    throw error;
  }
}

/** The error for a file that cannot be written below a folder. */
export function toOutputError(error: unknown, folder: string): unknown {
  switch (errorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new CliError('disk_full', `The disk of ${folder} is full; the file was not saved.`, {
        details: { folder },
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'EISDIR':
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EEXIST':
      return new CliError('output_unwritable', `${folder} cannot be written: choose another place with --out.`, {
        details: { folder },
        cause: error,
      });
    default:
      return error;
  }
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'none'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return 'none';
    throw error;
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
