/** Segments of JPEG (ITU-T T.81 annex B): EXIF and XMP in APP1, our own JSON in comments. */
import { type PictureMetadata, type PictureTexts, textNames } from '../../domain/provenance/picture-metadata.ts';
import { readExifTexts, writeUserComment } from './exif.ts';
import { writeXmp } from './xmp.ts';

const APP1 = 0xe1;
const COMMENT = 0xfe;
const START_OF_SCAN = 0xda;
const XMP_NAME = 'http://ns.adobe.com/xap/1.0/\0';
const EXIF_NAME = 'Exif\0\0';
const OWN_PREFIX = 'imagemill:';
/** Bytes of a segment after its length. */
const MAX_SEGMENT_BYTES = 65_533;

export function isJpeg(bytes: Buffer): boolean {
  return bytes.length > 4 && bytes.readUInt16BE(0) === 0xffd8 && bytes[2] === 0xff;
}

export function writeJpegTexts(picture: Buffer, texts: PictureTexts): Buffer {
  const at = afterJfif(picture);
  const exif = Buffer.concat([Buffer.from(EXIF_NAME, 'latin1'), writeUserComment(texts.parameters)]);
  return Buffer.concat([
    picture.subarray(0, at),
    // A prompt of more than 32,000 characters does not fit into a segment; the comments hold it whole.
    exif.length <= MAX_SEGMENT_BYTES ? segment(APP1, exif) : Buffer.alloc(0),
    segment(APP1, Buffer.from(XMP_NAME + writeXmp(texts, { withProvenance: false }), 'utf8')),
    ...comments(texts.provenance),
    picture.subarray(afterApp1(picture, at)),
  ]);
}

export function readJpeg(bytes: Buffer): PictureMetadata | undefined {
  const texts: Record<string, string> = {};
  let own = '';
  let xmp: string | undefined;
  let size: { width: number; height: number } | undefined;
  for (const { marker, data } of segmentsOf(bytes)) {
    if (isFrame(marker) && data.length >= 5) size = { height: data.readUInt16BE(1), width: data.readUInt16BE(3) };
    if (marker === COMMENT) {
      const text = data.toString('utf8');
      if (text.startsWith(OWN_PREFIX)) own += text.slice(OWN_PREFIX.length);
      else texts['Comment'] ??= text;
    }
    if (marker !== APP1) continue;
    const head = data.toString('latin1', 0, XMP_NAME.length);
    if (head.startsWith(EXIF_NAME)) Object.assign(texts, readExifTexts(data));
    else if (head === XMP_NAME) xmp ??= data.toString('utf8', XMP_NAME.length);
  }
  if (own !== '') texts[textNames.provenance] = own;
  return size && { mediaType: 'image/jpeg', ...size, texts, xmp };
}

/** After the start of the image and the JFIF segment, which readers expect first. */
function afterJfif(bytes: Buffer): number {
  return bytes[3] === 0xe0 ? afterSegment(bytes, 2) : 2;
}

/** After the APP1 segments that stand there: ours take their place. */
function afterApp1(bytes: Buffer, at: number): number {
  return bytes[at] === 0xff && bytes[at + 1] === APP1 ? afterApp1(bytes, afterSegment(bytes, at)) : at;
}

function afterSegment(bytes: Buffer, at: number): number {
  return at + 2 + bytes.readUInt16BE(at + 2);
}

function comments(text: string): Buffer[] {
  const room = MAX_SEGMENT_BYTES - OWN_PREFIX.length;
  const count = Math.ceil(text.length / room);
  return Array.from({ length: count }, (_, part) =>
    segment(COMMENT, Buffer.from(OWN_PREFIX + text.slice(part * room, (part + 1) * room), 'latin1')),
  );
}

function segment(marker: number, data: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(data.length + 2, 2);
  return Buffer.concat([head, data]);
}

/** Segments before the pixels. */
function* segmentsOf(bytes: Buffer): Generator<{ readonly marker: number; readonly data: Buffer }> {
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1; // a fill byte
      continue;
    }
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    if (marker === START_OF_SCAN || end > bytes.length || end < at + 4) return;
    yield { marker, data: bytes.subarray(at + 4, end) };
    at = end;
  }
}

/** Start of frame, which holds the size: C0 to CF without DHT, JPG and DAC. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}
