/** JSON that others wrote: nothing of its shape is taken for granted. */
export type Loose = Readonly<Record<string, unknown>>;

/** Undefined for what is no JSON object. Numbers that only Python writes (`NaN`, `Infinity`) are read as null. */
export function parseObject(text: string | undefined): Loose | undefined {
  if (text === undefined) return undefined;
  return (
    parsed(text) ??
    parsed(text.replace(pythonNumbers, (found, quoted?: string) => (quoted === undefined ? 'null' : found)))
  );
}

/** A text in quotes as a whole, so that words in it stay; or such a number outside of one. */
const pythonNumbers = /("(?:\\.|[^"\\])*")|-?\b(?:NaN|Infinity)\b/g;

function parsed(text: string): Loose | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export function asObject(value: unknown): Loose | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : undefined;
}

export function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Also of a text that is a number. */
export function asNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}
