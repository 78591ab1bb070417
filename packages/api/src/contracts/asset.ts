import { z } from 'zod';
import { idSchema } from './primitives.ts';

/** A stored picture. */
export interface Asset {
  readonly id: string;
  /**
   * Path and query on the server; the bytes never change. Signed: it opens without an API key until it expires. The path
   * alone opens with one.
   */
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
    url: z.string().meta({
      description: 'Opens without an API key until it expires; /v1/assets/{id} opens with one',
      example: '/v1/assets/01936f2e-5c1a-7b60-8a9d-3f4e5d6c7b8a?expires=1796083200&by=k3x9q2ab&signature=mXH2cK…',
    }),
    mediaType: z.string().meta({ example: 'image/png' }),
    sizeBytes: z.int().nonnegative(),
    width: z.int().positive(),
    height: z.int().positive(),
    sha256: z.string(),
  })
  .meta({ id: 'Asset' });
