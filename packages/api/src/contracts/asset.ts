import { z } from 'zod';
import { idSchema } from './primitives.ts';

/** A stored picture. */
export interface Asset {
  readonly id: string;
  /** Path on the server, `/v1/assets/<id>`; the bytes never change. */
  readonly url: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly width: number;
  readonly height: number;
  /** SHA-256 of the bytes, hex. */
  readonly sha256: string;
}

export const assetSchema: z.ZodType<Asset> = z
  .object({
    id: idSchema,
    url: z.string().meta({ example: '/v1/assets/01936f2e-5c1a-7b60-8a9d-3f4e5d6c7b8a' }),
    mediaType: z.string().meta({ example: 'image/png' }),
    sizeBytes: z.int().nonnegative(),
    width: z.int().positive(),
    height: z.int().positive(),
    sha256: z.string(),
  })
  .meta({ id: 'Asset' });
