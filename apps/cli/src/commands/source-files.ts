import { readFile } from 'node:fs/promises';
import { AppError, createCheckPicture, type SourcePicture } from '@imagemill/server/engine';
import { optionError } from '../cli-error.ts';

interface SourceFlags {
  readonly image?: string;
  readonly strength?: number;
  readonly mask?: string;
}

interface SourceFiles {
  readonly picture: SourcePicture;
  /** Of the image. */
  readonly size: { readonly width: number; readonly height: number };
}

/** The files of --image and --mask, with the rules of an upload. @throws CliError `option_invalid` */
export async function readSourceFiles({ image, strength, mask }: SourceFlags): Promise<SourceFiles | undefined> {
  if (image === undefined) {
    if (strength !== undefined) throw optionError('--strength', String(strength), 'an --image that it is for');
    if (mask !== undefined) throw optionError('--mask', mask, 'an --image that it is for');
    return undefined;
  }
  if (strength === 0) throw optionError('--strength', '0', 'a number above 0 and up to 1');
  const { bytes, size } = await readPictureFile('--image', image);
  const picture = { image: bytes, strength: strength ?? DEFAULT_STRENGTH };
  if (mask === undefined) return { picture, size };
  return { picture: { ...picture, mask: (await readPictureFile('--mask', mask)).bytes }, size };
}

async function readPictureFile(
  option: string,
  path: string,
): Promise<{ bytes: Uint8Array; size: SourceFiles['size'] }> {
  try {
    const bytes = await readFile(path);
    return { bytes, size: await checkPicture(bytes) };
  } catch (error) {
    const isKnown = error instanceof AppError || (error as NodeJS.ErrnoException).code !== undefined;
    if (!isKnown) throw error;
    throw optionError(option, path, `a PNG, JPEG or WebP file that can be read: ${(error as Error).message}`);
  }
}

const DEFAULT_STRENGTH = 0.6;
const checkPicture = createCheckPicture({ maxPixels: 100_000_000 });
