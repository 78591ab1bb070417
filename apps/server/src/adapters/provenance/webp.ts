/** RIFF chunks of WebP (RFC 9649): EXIF and XMP after the pixels, announced in the extended header. */
import type { PictureMetadata, PictureTexts } from '../../domain/provenance/picture-metadata.ts';
import { readExifTexts, writeUserComment } from './exif.ts';
import { writeXmp } from './xmp.ts';

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

const FLAG_EXIF = 0x08;
const FLAG_XMP = 0x04;
const FLAG_ALPHA = 0x10;

export function isWebp(bytes: Buffer): boolean {
  return bytes.length > 20 && bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP';
}

export function writeWebpTexts(picture: Buffer, texts: PictureTexts): Buffer {
  const chunks = [...chunksOf(picture)].filter(({ type }) => type !== 'EXIF' && type !== 'XMP ');
  const size = sizeOf(chunks);
  if (size === undefined) return picture;
  const extended = chunks.find(({ type }) => type === 'VP8X');
  const header = extended === undefined ? extendedHeader(size, chunks) : Buffer.from(extended.data);
  header[0] = (header[0] ?? 0) | FLAG_EXIF | FLAG_XMP;
  const body = [
    { type: 'VP8X', data: header },
    ...chunks.filter(({ type }) => type !== 'VP8X'),
    { type: 'EXIF', data: writeUserComment(texts.parameters) },
    { type: 'XMP ', data: Buffer.from(writeXmp(texts, { withProvenance: true }), 'utf8') },
  ].map(framed);
  const head = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1');
  head.writeUInt32LE(
    body.reduce((sum, { length }) => sum + length, 4),
    4,
  );
  return Buffer.concat([head, ...body]);
}

export function readWebp(bytes: Buffer): PictureMetadata | undefined {
  const chunks = [...chunksOf(bytes)];
  const size = sizeOf(chunks);
  const exif = chunks.find(({ type }) => type === 'EXIF');
  const xmp = chunks.find(({ type }) => type === 'XMP ')?.data.toString('utf8');
  const texts = exif === undefined ? {} : readExifTexts(exif.data);
  return size && { mediaType: 'image/webp', ...size, texts, xmp };
}

function* chunksOf(bytes: Buffer): Generator<Chunk> {
  for (let at = 12; at + 8 <= bytes.length; ) {
    const end = at + 8 + bytes.readUInt32LE(at + 4);
    if (end > bytes.length) return;
    yield { type: bytes.toString('latin1', at, at + 4), data: bytes.subarray(at + 8, end) };
    at = end + (end % 2);
  }
}

function sizeOf(chunks: readonly Chunk[]): { readonly width: number; readonly height: number } | undefined {
  for (const { type, data } of chunks) {
    if (data.length < 10) continue;
    if (type === 'VP8X') return { width: data.readUIntLE(4, 3) + 1, height: data.readUIntLE(7, 3) + 1 };
    if (type === 'VP8 ') return { width: data.readUInt16LE(6) & 0x3fff, height: data.readUInt16LE(8) & 0x3fff };
    if (type === 'VP8L') {
      const bits = data.readUInt32LE(1);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
  }
  return undefined;
}

function extendedHeader(size: { readonly width: number; readonly height: number }, chunks: readonly Chunk[]): Buffer {
  const header = Buffer.alloc(10);
  const lossless = chunks.find(({ type }) => type === 'VP8L');
  // Bit 28 after the signature byte says whether a lossless picture has alpha.
  if (lossless !== undefined && ((lossless.data[4] ?? 0) & 0x10) !== 0) header[0] = FLAG_ALPHA;
  header.writeUIntLE(size.width - 1, 4, 3);
  header.writeUIntLE(size.height - 1, 7, 3);
  return header;
}

function framed({ type, data }: Chunk): Buffer {
  const frame = Buffer.alloc(8 + data.length + (data.length % 2));
  frame.write(type, 0, 'latin1');
  frame.writeUInt32LE(data.length, 4);
  data.copy(frame, 8);
  return frame;
}
