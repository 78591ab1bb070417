/** How the texts of CSV files are written: spreadsheets on Chinese or Western Windows save other kinds than UTF-8. */
export type Encoding = 'utf-8' | 'gb18030' | 'windows-1252';

/** The first encoding that every byte of a file fits; files with a mark of UTF-16 are left to the reader of CSV. */
export async function encodingOf(chunks: AsyncIterable<Buffer>): Promise<Encoding> {
  const fits = new Map((['utf-8', 'gb18030'] as const).map((one) => [one, new TextDecoder(one, { fatal: true })]));
  let isFirst = true;
  const drop = (encoding: 'utf-8' | 'gb18030', chunk?: Buffer): void => {
    try {
      fits.get(encoding)?.decode(chunk, { stream: chunk !== undefined });
    } catch {
      fits.delete(encoding);
    }
  };
  for await (const chunk of chunks) {
    if (isFirst && hasMarkOfUtf16(chunk)) return 'utf-8';
    isFirst = false;
    for (const encoding of [...fits.keys()]) drop(encoding, chunk);
    if (fits.size === 0) break;
  }
  for (const encoding of [...fits.keys()]) drop(encoding);
  return [...fits.keys()][0] ?? 'windows-1252';
}

/** The bytes of a text in UTF-8. */
export async function* asUtf8(chunks: AsyncIterable<Buffer>, encoding: Encoding): AsyncGenerator<Buffer, undefined> {
  if (encoding === 'utf-8') return yield* chunks;
  const decoder = new TextDecoder(encoding);
  for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }));
  yield Buffer.from(decoder.decode());
}

export function hasMarkOfUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}
