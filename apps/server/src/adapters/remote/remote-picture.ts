import { encodePicture } from '@imagemill/diffusion';
import sharp from 'sharp';
import type { EngineItem } from '../../application/engine-port.ts';
import type { PictureMeasures } from '../../domain/quality/measures.ts';
import type { Warning } from '../../domain/warning.ts';
import { fault } from './remote-fault.ts';

export interface ReadPicture {
  readonly image: Uint8Array;
  readonly mediaType: string;
  readonly width: number;
  readonly height: number;
  readonly warnings: readonly Warning[] | undefined;
  /** Undefined when nothing measures. */
  readonly measures: PictureMeasures | undefined;
}

/** A picture without its file: `[height, width, 3]` in sRGB. */
export interface DecodedPixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * What a remote engine sent, decoded in full and encoded as it was asked for: nothing of its file is passed on, such as
 * the workflow that ComfyUI writes into every PNG.
 *
 * @throws RemoteFault `engine_answer_invalid` for what is no picture, or one much larger than was asked for
 */
export async function readRemotePicture(
  bytes: Uint8Array,
  item: EngineItem,
  inspect?: (pixels: DecodedPixels) => Promise<PictureMeasures>,
): Promise<ReadPicture> {
  const { format, quality, mark } = item;
  const limitInputPixels = 4 * item.width * item.height;
  const { data, info } = await sharp(bytes, { limitInputPixels, failOn: 'warning' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      const message = `The engine sent what is no picture: ${(cause as Error).message}.`;
      throw fault('engine_answer_invalid', message, { retryable: true, cause });
    });
  const { width, height } = info;
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  // Before the mark of the label is drawn into it, as on a device of this machine.
  const measures = await inspect?.({ data: pixels, width, height });
  const image = await encodePicture(pixels, { width, height, format, quality, mark });
  return {
    image: new Uint8Array(image),
    mediaType: `image/${format}`,
    width,
    height,
    warnings: sizeWarning(info, item),
    measures,
  };
}

function sizeWarning(got: { width: number; height: number }, item: EngineItem): Warning[] | undefined {
  if (got.width === item.width && got.height === item.height) return undefined;
  const message = `The remote engine drew ${got.width} × ${got.height} in place of ${item.width} × ${item.height} pixels.`;
  return [{ code: 'size_changed', message }];
}
