/** Text chunks of PNG (https://www.w3.org/TR/png-3/#11textinfo). */
import { crc32, inflateSync } from 'node:zlib';
import { type PictureMetadata, type PictureTexts, textNames } from '../../domain/provenance/picture-metadata.ts';
import { readExifTexts } from './exif.ts';
import { writeXmp } from './xmp.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Signature and IHDR, which has to come first. */
const HEADER_BYTES = 33;
/** Most bytes of one text after decompression, and of all texts of a file. */
const MAX_TEXT_BYTES = 4_194_304;
const MAX_TEXTS = 1_000;

export function isPng(bytes: Buffer): boolean {
  return (
    bytes.subarray(0, 8).equals(SIGNATURE) && bytes.length > HEADER_BYTES && bytes.toString('latin1', 12, 16) === 'IHDR'
  );
}

export function writePngTexts(picture: Buffer, texts: PictureTexts): Buffer {
  return Buffer.concat([
    picture.subarray(0, HEADER_BYTES),
    textChunk(textNames.parameters, texts.parameters),
    textChunk(textNames.provenance, texts.provenance),
    texts.aigc === undefined ? Buffer.alloc(0) : textChunk(textNames.aigc, texts.aigc),
    internationalChunk(textNames.xmp, writeXmp(texts, { withProvenance: false })),
    picture.subarray(HEADER_BYTES),
  ]);
}

export function readPng(bytes: Buffer): PictureMetadata {
  const texts: Record<string, string> = {};
  let room = MAX_TEXT_BYTES;
  for (const { type, data } of chunksOf(bytes)) {
    if (type === 'eXIf') Object.assign(texts, readExifTexts(data));
    const found = textOf(type, data, room);
    if (found === undefined || Object.keys(texts).length >= MAX_TEXTS) continue;
    room -= Buffer.byteLength(found.text);
    texts[found.keyword] ??= found.text;
  }
  const { [textNames.xmp]: xmp, ...others } = texts;
  return { mediaType: 'image/png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20), texts: others, xmp };
}

function* chunksOf(bytes: Buffer): Generator<{ readonly type: string; readonly data: Buffer }> {
  let at = SIGNATURE.length;
  while (at + 12 <= bytes.length) {
    const length = bytes.readUInt32BE(at);
    const end = at + 8 + length;
    if (end + 4 > bytes.length) return;
    yield { type: bytes.toString('latin1', at + 4, at + 8), data: bytes.subarray(at + 8, end) };
    at = end + 4;
  }
}

function textOf(
  type: string,
  data: Buffer,
  room: number,
): { readonly keyword: string; readonly text: string } | undefined {
  const end = data.indexOf(0);
  if (end < 1 || end > 79 || room <= 0) return undefined;
  const keyword = data.toString('latin1', 0, end);
  const rest = data.subarray(end + 1);
  switch (type) {
    case 'tEXt':
      return { keyword, text: rest.subarray(0, room).toString('latin1') };
    case 'zTXt': {
      const inflated = inflate(rest.subarray(1), room);
      return inflated && { keyword, text: inflated.toString('latin1') };
    }
    case 'iTXt': {
      const language = rest.indexOf(0, 2);
      const translated = language < 0 ? -1 : rest.indexOf(0, language + 1);
      if (translated < 0) return undefined;
      const body = rest.subarray(translated + 1);
      const text = rest[0] === 1 ? inflate(body, room) : body.subarray(0, room);
      return text && { keyword, text: text.toString('utf8') };
    }
    default:
      return undefined;
  }
}

/** Undefined for what cannot be inflated, or would be larger than there is room: a bomb stays unopened. */
function inflate(data: Buffer, maxOutputLength: number): Buffer | undefined {
  try {
    return inflateSync(data, { maxOutputLength });
  } catch {
    return undefined;
  }
}

/** Latin-1 where that can hold the text, as most readers expect; else UTF-8. */
function textChunk(keyword: string, text: string): Buffer {
  if (!/^[\n\x20-\x7e\xa0-\xff]*$/.test(text)) return internationalChunk(keyword, text);
  return chunk('tEXt', Buffer.from(`${keyword}\0${text}`, 'latin1'));
}

function internationalChunk(keyword: string, text: string): Buffer {
  // Not compressed, no language, no translated keyword.
  return chunk('iTXt', Buffer.concat([Buffer.from(`${keyword}\0\0\0\0\0`, 'latin1'), Buffer.from(text, 'utf8')]));
}

function chunk(type: string, data: Buffer): Buffer {
  const framed = Buffer.alloc(data.length + 12);
  framed.writeUInt32BE(data.length, 0);
  framed.write(type, 4, 'latin1');
  data.copy(framed, 8);
  framed.writeUInt32BE(crc32(framed.subarray(4, data.length + 8)), data.length + 8);
  return framed;
}
