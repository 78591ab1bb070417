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

/** Removes what was typed here: prompts and drafts. How the page looks and speaks stays. */
export function forgetStored(): void {
  try {
    const kept = ['imagemill.theme', 'imagemill.language'];
    for (const key of Object.keys(globalThis.localStorage)) {
      if (key.startsWith('imagemill.') && !kept.includes(key)) globalThis.localStorage.removeItem(key);
    }
  } catch {
    // A browser that refuses access has kept nothing.
  }
}
