import type { Asset, Generation, Job } from '@imagemill/api';

/** A finished picture with the generation it belongs to. */
export interface Picture {
  readonly generation: Generation;
  readonly job: Job;
  readonly asset: Asset;
}

/** All finished pictures in the order of the page. */
export function picturesOf(generations: readonly Generation[]): readonly Picture[] {
  return generations.flatMap((generation) =>
    generation.jobs.flatMap((job) => (job.asset === undefined ? [] : [{ generation, job, asset: job.asset }])),
  );
}

/** A file name that tells what is in the file and stays clear of what file systems forbid: `a-panda-7.png`. */
export function fileNameOf({ generation, job, asset }: Picture): string {
  const words = generation.prompt
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}]+/gu, '-')
    .replace(/^-+|-+$/g, '');
  const short = [...words].slice(0, 48).join('').replace(/-+$/, '');
  return `${short === '' ? 'picture' : short}-${job.seed}.${extensions[asset.mediaType] ?? generation.format}`;
}

const extensions: Readonly<Record<string, string>> = { 'image/png': 'png', 'image/jpeg': 'jpg', 'image/webp': 'webp' };
