/** Whether the server said in the middle of the work that nobody is signed in any more. */
let isEnded = false;
const listeners = new Set<() => void>();

export const sessionEnd = {
  get: (): boolean => isEnded,
  set(value: boolean): void {
    if (isEnded === value) return;
    isEnded = value;
    for (const listener of listeners) listener();
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
