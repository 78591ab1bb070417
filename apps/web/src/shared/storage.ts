/** Reads a text from the browser's storage; null where there is none or the browser refuses access. */
export function readStored(key: string): string | null {
  try {
    return globalThis.localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Writes a text to the browser's storage; a browser that refuses (private window, full) loses only the memory of it. */
export function writeStored(key: string, value: string): void {
  try {
    globalThis.localStorage.setItem(key, value);
  } catch {
    // The page works without; there is nothing the reader could do about it.
  }
}
