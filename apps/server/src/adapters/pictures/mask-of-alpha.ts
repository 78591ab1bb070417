import sharp from 'sharp';

/** The transparent part of a picture as a mask: white where it is repainted; undefined when all of it is opaque. */
export async function maskOfAlpha(picture: Uint8Array): Promise<Uint8Array | undefined> {
  const input = sharp(picture, { limitInputPixels: 100_000_000 }).autoOrient();
  const { hasAlpha } = await input.metadata();
  if (!hasAlpha || (await input.stats()).isOpaque) return undefined;
  return input.extractChannel('alpha').negate().png().toBuffer();
}
