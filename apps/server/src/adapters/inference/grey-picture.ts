import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import type { EngineItem } from '../../application/engine-port.ts';

type Wanted = Pick<EngineItem, 'width' | 'height' | 'format' | 'quality' | 'seed' | 'id'>;

/** A grey picture whose metadata say where it comes from; two items never get the same bytes. */
export async function drawGreyPicture(wanted: Wanted): Promise<{ image: Uint8Array; mediaType: string }> {
  const description = `Imagemill fixed-time device, no model; seed ${wanted.seed}, item ${wanted.id}`;
  const mediaType = `image/${wanted.format}`;
  if (wanted.format === 'png') return { image: greyPng(wanted, description), mediaType };
  const background = { r: GREY, g: GREY, b: GREY };
  const canvas = sharp({ create: { width: wanted.width, height: wanted.height, channels: 3, background } });
  const described = canvas.withExif({ IFD0: { ImageDescription: description } });
  const encoded = described.toFormat(wanted.format, { quality: wanted.quality });
  return { image: new Uint8Array(await encoded.toBuffer()), mediaType };
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
