import type { Generation, Picture, Warning } from '@imagemill/api';

/** A finished picture with how it was drawn; what its owner noted may not be known yet. */
export type ShownPicture = Omit<Picture, 'starred' | 'tags' | 'timings'> &
  Partial<Pick<Picture, 'timings'>> &
  Marks &
  Noted;

export interface Noted {
  /** What was done another way than asked; not known of pictures in the gallery. */
  readonly warnings?: readonly Warning[] | undefined;
}

export interface Marks {
  readonly starred?: boolean | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** All finished pictures in the order of the page. */
export function picturesOf(generations: readonly Generation[]): readonly ShownPicture[] {
  return generations.flatMap((generation) =>
    generation.jobs.flatMap(({ id, index, seed, asset, timings, finishedAt, warnings: own = [] }) => {
      if (asset === undefined) return [];
      const { prompt, negativePrompt, width, height, steps, guidanceScale, model, loras, image, mask } = generation;
      const settings = { prompt, negativePrompt, width, height, steps, guidanceScale, model, loras, image, mask };
      const createdAt = finishedAt ?? generation.createdAt;
      const warnings = [...generation.warnings, ...own];
      const drawn = { id, index, seed, asset, createdAt, generationId: generation.id, warnings };
      return [{ ...settings, ...drawn, ...(timings && { timings }) }];
    }),
  );
}

/** A file name that tells what is in the file and stays clear of what file systems forbid: `a-panda-7.png`. */
export function fileNameOf({ prompt, seed, asset }: Pick<ShownPicture, 'prompt' | 'seed' | 'asset'>): string {
  const words = prompt
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}]+/gu, '-')
    .replace(/^-+|-+$/g, '');
  const short = [...words].slice(0, 48).join('').replace(/-+$/, '');
  return `${short === '' ? 'picture' : short}-${seed}.${extensions[asset.mediaType] ?? 'png'}`;
}

const extensions: Readonly<Record<string, string>> = { 'image/png': 'png', 'image/jpeg': 'jpg', 'image/webp': 'webp' };
