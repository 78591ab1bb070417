import { z } from 'zod';
import { assert } from '../../domain/errors.ts';
import type { Generation } from '../../domain/generation.ts';
import { type AssetId, assetId, type ContentHash, contentHash } from '../../domain/ids.ts';

/** Settings of a generation that no query looks at; kept together as JSON in one column. */
export type GenerationExtras = Pick<Generation, 'loras' | 'oversize' | 'warnings' | 'image' | 'mask'>;

const mask = {
  assetId: z.string().transform((text): AssetId => assetId(text)),
  sha256: z.string().transform((text): ContentHash => contentHash(text)),
};

const extrasSchema: z.ZodType<GenerationExtras, unknown> = z.object({
  loras: z.array(z.object({ name: z.string(), sha256: z.string(), strength: z.number() })).default([]),
  oversize: z.enum(['fit', 'reject']).default('reject'),
  warnings: z.array(z.object({ code: z.string(), message: z.string() })).default([]),
  image: z.object({ ...mask, strength: z.number() }).optional(),
  mask: z.object(mask).optional(),
});

/** @throws AppError `internal_error` when the column was not written by us */
export function readExtras(id: string, text: string): GenerationExtras {
  const parsed = extrasSchema.safeParse(JSON.parse(text));
  assert(parsed.success, `generation ${id} has settings that cannot be read: ${parsed.error?.message}`);
  return parsed.data;
}

/** Values that are the default are left out. */
export function writeExtras({ loras, oversize, warnings, image, mask: of }: GenerationExtras): string {
  return JSON.stringify({
    ...(loras.length > 0 && { loras }),
    ...(oversize !== 'reject' && { oversize }),
    ...(warnings.length > 0 && { warnings }),
    image,
    mask: of,
  });
}
