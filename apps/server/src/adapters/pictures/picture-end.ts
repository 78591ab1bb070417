/** Formats that a picture may be uploaded in. */
export type UploadFormat = 'png' | 'jpeg' | 'webp';

/** The format that the first bytes tell; undefined for any other. */
export function formatOf(bytes: Uint8Array): UploadFormat | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.subarray(0, 8).equals(PNG_SIGNATURE)) return 'png';
  if (view[0] === 0xff && view[1] === 0xd8 && view[2] === 0xff) return 'jpeg';
  return view.toString('latin1', 0, 4) === 'RIFF' && view.toString('latin1', 8, 12) === 'WEBP' ? 'webp' : undefined;
}

/**
 * Where the picture in a file ends, by the structure of its format alone; undefined when it does not end within the
 * file. What follows may be another file (a ZIP, a script) that other programs would find there.
 */
export function pictureEnd(bytes: Uint8Array, format: UploadFormat): number | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = { png: pngEnd, jpeg: jpegEnd, webp: webpEnd }[format](view);
  return end !== undefined && end <= view.length ? end : undefined;
}

/** Chunks of length, type, data and checksum, up to IEND. */
function pngEnd(view: Buffer): number | undefined {
  for (let at = 8; at + 12 <= view.length; ) {
    const next = at + 12 + view.readUInt32BE(at);
    if (view.toString('latin1', at + 4, at + 8) === 'IEND') return next;
    at = next;
  }
  return undefined;
}

function webpEnd(view: Buffer): number {
  const size = view.readUInt32LE(4);
  return 8 + size + (size % 2);
}

/** Marker segments, between them scans of compressed data in which FF is followed by 00 or a restart marker. */
function jpegEnd(view: Buffer): number | undefined {
  for (let at = 2; at + 1 < view.length; ) {
    const marker = view[at + 1] ?? 0;
    if (view[at] !== 0xff || isWithinScan(marker)) at += 1;
    else if (marker === 0xd9) return at + 2;
    else if (marker === 0xff) at += 1;
    else if (at + 4 > view.length) return undefined;
    else at = nextMarker(view, at + 2 + view.readUInt16BE(at + 2));
  }
  return undefined;
}

/** The next FF from here: segments follow each other at once, a scan is passed over. */
function nextMarker(view: Buffer, from: number): number {
  const found = view.indexOf(0xff, from);
  return found < 0 ? view.length : found;
}

function isWithinScan(marker: number): boolean {
  return marker === 0x00 || (marker >= 0xd0 && marker <= 0xd7);
}

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
