import type { Generation } from '../domain/generation.ts';
import type { ContentHash } from '../domain/ids.ts';
import type { JobFault } from '../domain/job.ts';
import type { SourcePicture } from './engine-port.ts';
import type { PictureStore } from './ports.ts';

/** The bytes of the picture that a generation starts from, and of its mask; undefined when it starts at noise. */
export async function readSource(
  pictures: PictureStore,
  { image, mask }: Pick<Generation, 'image' | 'mask'>,
): Promise<SourcePicture | { readonly fault: JobFault } | undefined> {
  if (image === undefined) return undefined;
  const bytes = await readPicture(pictures, image.sha256);
  if (bytes === undefined) return gone(image.assetId);
  if (mask === undefined) return { image: bytes, strength: image.strength };
  const maskBytes = await readPicture(pictures, mask.sha256);
  if (maskBytes === undefined) return gone(mask.assetId);
  return { image: bytes, strength: image.strength, mask: maskBytes };
}

/** All bytes of a stored picture; undefined when they are not there. */
export async function readPicture(pictures: PictureStore, sha256: ContentHash): Promise<Uint8Array | undefined> {
  const stream = await pictures.open(sha256);
  if (stream === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function gone(id: string): { readonly fault: JobFault } {
  const message = `The file of the picture ${id} is no longer there.`;
  return { fault: { code: 'source_gone', message, details: { assetId: id }, retryable: false } };
}
