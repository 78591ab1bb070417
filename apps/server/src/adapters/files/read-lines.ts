import type { TextLine } from '../../application/order-ports.ts';

/** Lines of a stream of UTF-8, blank ones left out, numbered from 1. Holds one line at a time, however long others are. */
export async function* readLines(bytes: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<TextLine> {
  let rest: Uint8Array[] = [];
  let length = 0;
  let line = 0;
  const take = (end: Uint8Array): TextLine | undefined => {
    line += 1;
    length += end.length;
    const isTooLong = length > maxBytes;
    const whole = isTooLong ? undefined : Buffer.concat([...rest, end]);
    rest = [];
    length = 0;
    if (whole === undefined) return { line, problem: 'too_long' };
    try {
      const text = decoder.decode(whole);
      return text.trim() === '' ? undefined : { line, text };
    } catch {
      return { line, problem: 'not_utf8' };
    }
  };
  for await (const chunk of bytes) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const found = take(chunk.subarray(start, end));
      start = end + 1;
      if (found !== undefined) yield found;
    }
    const left = chunk.subarray(start);
    length += left.length;
    // What is over the bound already is not kept.
    if (length <= maxBytes) rest.push(left);
    else rest = [];
  }
  const last = length > 0 ? take(new Uint8Array()) : undefined;
  if (last !== undefined) yield last;
}

/** Leaves a byte order mark out. */
const decoder = new TextDecoder('utf-8', { fatal: true });
const NEWLINE = 0x0a;
