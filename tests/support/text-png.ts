import { crc32 } from 'node:zlib';
import sharp from 'sharp';

/** A small grey PNG with texts in it, as image programs write their settings: keyword → text (Latin-1). */
export async function pngWithTexts(texts: Readonly<Record<string, string>>): Promise<Buffer> {
  const plain = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#808080' } })
    .png()
    .toBuffer();
  const endOfHeader = 33;
  const chunks = Object.entries(texts).map(([keyword, text]) =>
    chunk('tEXt', Buffer.from(`${keyword}\0${text}`, 'latin1')),
  );
  return Buffer.concat([plain.subarray(0, endOfHeader), ...chunks, plain.subarray(endOfHeader)]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
