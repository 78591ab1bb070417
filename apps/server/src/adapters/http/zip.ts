/**
 * A ZIP file as a stream: entries are stored as they are, since pictures do not get smaller, and each is followed by its
 * checksum, so that nothing has to be read twice. At most 65,535 entries and 4 GiB together (no ZIP64).
 * Format: PKWARE APPNOTE 6.3, §4.3.
 */
import { crc32 } from 'node:zlib';

export interface ZipEntry {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly changedAt: number;
  /** Undefined leaves the entry out. */
  readonly open: () => Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** Sizes and checksums follow the bytes (bit 3), names are UTF-8 (bit 11). */
const FLAGS = (1 << 3) | (1 << 11);
const VERSION = 20;

export async function* zipOf(entries: Iterable<ZipEntry>): AsyncGenerator<Uint8Array> {
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, changedAt, open } of entries) {
    const stream = await open();
    if (stream === undefined) continue;
    const nameBytes = Buffer.from(name, 'utf8');
    const time = dosTime(changedAt);
    const head = Buffer.concat([
      fields([0x04034b50, 4], [VERSION, 2], ...common(time, 0, 0), [nameBytes.length, 2], [0, 2]),
      nameBytes,
    ]);
    yield head;
    let checksum = 0;
    let size = 0;
    for await (const chunk of stream) {
      checksum = crc32(chunk, checksum);
      size += chunk.length;
      yield chunk;
    }
    const tail = fields([0x08074b50, 4], [checksum, 4], [size, 4], [size, 4]);
    yield tail;
    const record = fields(
      ...([
        [0x02014b50, 4],
        [VERSION, 2],
        [VERSION, 2],
      ] as const),
      ...common(time, checksum, size),
      ...([
        [nameBytes.length, 2],
        [0, 2],
        [0, 2],
        [0, 2],
        [0, 2],
        [0, 4],
        [offset, 4],
      ] as const),
    );
    directory.push(record, nameBytes);
    offset += head.length + size + tail.length;
  }
  const count = directory.length / 2;
  const bytes = Buffer.concat(directory);
  yield bytes;
  yield fields([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [bytes.length, 4], [offset, 4], [0, 2]);
}

/** Value and width in bytes. */
type Field = readonly [value: number, bytes: 2 | 4];

/** Flags, method (stored), time, checksum and sizes: the part that both records of an entry share. */
function common(time: number, checksum: number, size: number): Field[] {
  return [
    [FLAGS, 2],
    [0, 2],
    [time, 4],
    [checksum, 4],
    [size, 4],
    [size, 4],
  ];
}

function fields(...all: readonly Field[]): Buffer {
  const buffer = Buffer.alloc(all.reduce((sum, [, bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [value, bytes] of all) at = buffer.writeUIntLE(value, at, bytes);
  return buffer;
}

/** Date and time as MS-DOS writes them, in UTC; two seconds fine. */
function dosTime(ms: number): number {
  const at = new Date(ms);
  const day = ((Math.max(1980, at.getUTCFullYear()) - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate();
  const time = (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1);
  return day * 65_536 + time;
}
