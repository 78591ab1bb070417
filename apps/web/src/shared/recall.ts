/** What is taken over from a picture: its seed, its prompt, all but the seed (to draw it anew), or everything. */
export type RecallPart = 'seed' | 'prompt' | 'remix' | 'all';

/** The part that a key stands for. */
export const recallKeys: Readonly<Record<string, RecallPart>> = { s: 'seed', p: 'prompt', r: 'remix', a: 'all' };

/** The part that a key press asks for; undefined when it is for something else. */
export function recallOf(event: {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}): RecallPart | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const key = event.key.toLowerCase();
  return Object.hasOwn(recallKeys, key) ? recallKeys[key] : undefined;
}
