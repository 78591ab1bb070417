/**
 * Texts in parts that a notification of PostgreSQL can carry (under 8,000 bytes), put together again at the other end.
 * A part is `<id> <index> <count> <text>`. A text of which a part was lost is forgotten when many others have come.
 */

/** Parts of a text; none for one that is too long to be sent. @param id without spaces, of this text alone */
export function intoChunks(id: string, text: string): readonly string[] {
  const bytes = Buffer.from(text);
  // Base64 only where it is needed: a cut must not fall into a character.
  const isPlain = bytes.length === text.length;
  const body = isPlain ? text : bytes.toString('base64');
  const count = Math.ceil(body.length / CHUNK_LENGTH) || 1;
  if (count > MOST_CHUNKS) return [];
  const kind = isPlain ? 'p' : 'b';
  return Array.from({ length: count }, (_, index) => {
    const part = body.slice(index * CHUNK_LENGTH, (index + 1) * CHUNK_LENGTH);
    return `${id} ${index} ${count} ${kind}${part}`;
  });
}

/** Puts parts together again. */
export class ChunkCollector {
  readonly #open = new Map<string, string[]>();

  /** Gives the text that the part completes; undefined while others are missing. */
  add(chunk: string): string | undefined {
    const [, id, index, count, kind, part] = /^(\S+) (\d+) (\d+) ([pb])(.*)$/s.exec(chunk) ?? [];
    if (id === undefined || part === undefined) return undefined;
    const parts = this.#open.get(id) ?? [];
    parts[Number(index)] = part;
    this.#open.set(id, parts);
    if (Object.keys(parts).length < Number(count)) {
      if (this.#open.size > MOST_OPEN) this.#forgetOldest();
      return undefined;
    }
    this.#open.delete(id);
    const body = parts.join('');
    return kind === 'p' ? body : Buffer.from(body, 'base64').toString();
  }

  #forgetOldest(): void {
    const oldest = this.#open.keys().next();
    if (oldest.done !== true) this.#open.delete(oldest.value);
  }
}

const CHUNK_LENGTH = 7_500;
/** 480 kB: more than any preview. */
const MOST_CHUNKS = 64;
const MOST_OPEN = 256;
