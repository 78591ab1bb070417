/** The little of EXIF (CIPA DC-008) that tells how a picture was generated. */

const USER_COMMENT = 0x9286;
const EXIF_POINTER = 0x8769;
const TYPE_ASCII = 2;
const TYPE_UNDEFINED = 7;
/** Texts of the first directory that tools write into. */
const textTags: Readonly<Record<number, string>> = {
  270: 'ImageDescription',
  271: 'Make',
  272: 'Model',
  305: 'Software',
};

/** A TIFF structure, big-endian, with one UserComment in UTF-16, as A1111 writes it. */
export function writeUserComment(text: string): Buffer {
  const comment = Buffer.concat([Buffer.from('UNICODE\0', 'latin1'), Buffer.from(text, 'utf16le').swap16()]);
  const head = Buffer.alloc(44);
  head.write('MM\0*', 0, 'latin1');
  head.writeUInt32BE(8, 4);
  writeEntry(head, 8, { tag: EXIF_POINTER, type: 4, count: 1, value: 26 });
  writeEntry(head, 26, { tag: USER_COMMENT, type: TYPE_UNDEFINED, count: comment.length, value: 44 });
  return Buffer.concat([head, comment]);
}

/** A directory of one entry and none after it. */
function writeEntry(
  bytes: Buffer,
  at: number,
  entry: { readonly tag: number; readonly type: number; readonly count: number; readonly value: number },
): void {
  bytes.writeUInt16BE(1, at);
  bytes.writeUInt16BE(entry.tag, at + 2);
  bytes.writeUInt16BE(entry.type, at + 4);
  bytes.writeUInt32BE(entry.count, at + 6);
  bytes.writeUInt32BE(entry.value, at + 10);
}

/** Texts by name; none for what is no EXIF. Offsets that lead outside are passed over. */
export function readExifTexts(data: Buffer): Record<string, string> {
  const tiff = data.toString('latin1', 0, 6) === 'Exif\0\0' ? data.subarray(6) : data;
  const order = tiff.toString('latin1', 0, 2);
  if (tiff.length < 8 || (order !== 'MM' && order !== 'II')) return {};
  const reader = new TiffReader(tiff, order === 'II');
  const texts: Record<string, string> = {};
  for (const { tag, type, value } of reader.entries(reader.u32(4))) {
    const name = textTags[tag];
    if (name !== undefined && type === TYPE_ASCII) texts[name] = value.toString('utf8').replace(/\0+$/, '');
    if (tag !== EXIF_POINTER || value.length < 4) continue;
    for (const inner of reader.entries(reader.u32(0, value))) {
      if (inner.tag === USER_COMMENT) texts['UserComment'] = decodeComment(inner.value, order === 'II');
    }
  }
  return texts;
}

class TiffReader {
  readonly #bytes: Buffer;
  readonly #isLittle: boolean;

  constructor(bytes: Buffer, isLittle: boolean) {
    this.#bytes = bytes;
    this.#isLittle = isLittle;
  }

  u32(at: number, bytes = this.#bytes): number {
    return this.#isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  #u16(at: number): number {
    return this.#isLittle ? this.#bytes.readUInt16LE(at) : this.#bytes.readUInt16BE(at);
  }

  *entries(at: number): Generator<{ readonly tag: number; readonly type: number; readonly value: Buffer }> {
    if (at + 2 > this.#bytes.length) return;
    const count = this.#u16(at);
    for (let entry = at + 2; entry < at + 2 + 12 * count && entry + 12 <= this.#bytes.length; entry += 12) {
      const type = this.#u16(entry + 2);
      const size = this.u32(entry + 4) * (sizes[type] ?? 1);
      const start = size <= 4 ? entry + 8 : this.u32(entry + 8);
      if (start + size <= this.#bytes.length) {
        yield { tag: this.#u16(entry), type, value: this.#bytes.subarray(start, start + size) };
      }
    }
  }
}

/** Bytes of a value by TIFF type. */
const sizes: Readonly<Record<number, number>> = { 3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8 };

/**
 * The first eight bytes name the code. UNICODE is big-endian as A1111 and piexif write it; where the other order gives
 * more plain letters it is that one.
 */
function decodeComment(value: Buffer, isLittle: boolean): string {
  const code = value.toString('latin1', 0, 8);
  const body = value.subarray(8);
  if (!code.startsWith('UNICODE')) return body.toString('utf8').replace(/\0+$/, '');
  const even = Buffer.from(body.subarray(0, body.length - (body.length % 2)));
  const highZeros = even.filter((byte, at) => at % 2 === 0 && byte === 0).length;
  const lowZeros = even.filter((byte, at) => at % 2 === 1 && byte === 0).length;
  const isLittleText = highZeros === lowZeros ? isLittle : lowZeros > highZeros;
  return (isLittleText ? even : even.swap16()).toString('utf16le');
}
