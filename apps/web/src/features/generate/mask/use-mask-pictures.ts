import { useEffect, useState } from 'react';
import { pictureUrl } from '../../../shared/api/picture-url.ts';
import { opaqueWhereWhite } from './paint.ts';

export interface MaskPictures {
  /** Of the canvas in pixels; undefined until the picture is there. */
  readonly size?: { readonly width: number; readonly height: number };
  /** The mask of before. */
  readonly base?: HTMLCanvasElement;
  readonly hasFailed?: boolean;
}

/** Fetches the picture and the mask of before. */
export function useMaskPictures(imageId: string, maskId: string | undefined): MaskPictures {
  const [pictures, setPictures] = useState<MaskPictures>({});
  useEffect(() => {
    let isWanted = true;
    const tell = (found: MaskPictures): void => {
      if (isWanted) setPictures(found);
    };
    fetchAll(imageId, maskId).then(tell, () => tell({ hasFailed: true }));
    return () => {
      isWanted = false;
    };
  }, [imageId, maskId]);
  return pictures;
}

async function fetchAll(imageId: string, maskId: string | undefined): Promise<MaskPictures> {
  const image = await decoded(imageId);
  const shrink = Math.min(1, longestSide / Math.max(image.naturalWidth, image.naturalHeight));
  const size = {
    width: Math.max(1, Math.round(image.naturalWidth * shrink)),
    height: Math.max(1, Math.round(image.naturalHeight * shrink)),
  };
  if (maskId === undefined) return { size };
  return { size, base: opaqueWhereWhite(await decoded(maskId), size) };
}

async function decoded(assetId: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = pictureUrl({ id: assetId });
  await image.decode();
  return image;
}

/** The server stretches a smaller mask to the picture. */
const longestSide = 2_048;
