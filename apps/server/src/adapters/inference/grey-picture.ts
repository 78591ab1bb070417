import { crc32, deflateSync } from 'node:zlib';
import { encodePicture } from '@imagemill/diffusion';
import sharp from 'sharp';
import type { EngineItem } from '../../application/engine-port.ts';

type Wanted = Pick<EngineItem, 'width' | 'height' | 'format' | 'quality' | 'seed' | 'id' | 'mark'>;

/** A grey picture. A PNG says where it comes from; the others are told by their provenance. */
export async function drawGreyPicture(wanted: Wanted): Promise<{ image: Uint8Array; mediaType: string }> {
  const { width, height, format, quality, mark } = wanted;
  const description = `Imagemill fixed-time device, no model; seed ${wanted.seed}, item ${wanted.id}`;
  const mediaType = `image/${format}`;
  if (format === 'png' && mark === undefined) return { image: greyPng(wanted, description), mediaType };
  const background = { r: GREY, g: GREY, b: GREY };
  const canvas = sharp({ create: { width, height, channels: 3, background } });
  if (mark === undefined) {
    return { image: new Uint8Array(await canvas.toFormat(format, { quality }).toBuffer()), mediaType };
  }
  const pixels = new Uint8Array(await canvas.raw().toBuffer());
  return { image: await encodePicture(pixels, { width, height, format, quality, mark }), mediaType };
}

/** PNG of one grey (https://www.w3.org/TR/png-3/), cheap enough for thousands a second. */
function greyPng({ width, height }: Wanted, description: string): Uint8Array {
  const key = `${width}x${height}`;
  const pixels = compressed.get(key) ?? compressedPixels(width, height);
  if (compressed.size >= MAX_CACHED) compressed.clear();
  compressed.set(key, pixels);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8); // 8 bits, greyscale, deflate, no filter method but 0, not interlaced
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('tEXt', Buffer.from(`Description\0${description}`, 'latin1')),
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Rows of a filter byte (0: none) and one byte a pixel. */
function compressedPixels(width: number, height: number): Buffer {
  const row = Buffer.alloc(width + 1, GREY);
  row[0] = 0;
  return deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(typed.length + 8);
  framed.writeUInt32BE(data.length, 0);
  typed.copy(framed, 4);
  framed.writeUInt32BE(crc32(typed), typed.length + 4);
  return framed;
}

const compressed = new Map<string, Buffer>();
const MAX_CACHED = 64;
const GREY = 128;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
