/** What was done to a mask, in order; the mask is what they make of an empty one. Places are pixels of the picture. */
export type MaskAct =
  | {
      readonly kind: 'stroke';
      readonly erases: boolean;
      /** Pixels across. */
      readonly size: number;
      readonly points: readonly Point[];
    }
  | { readonly kind: 'invert' }
  | { readonly kind: 'clear' };

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The acts and those that were taken back, which can be done again until something new is done. */
export interface MaskHistory {
  readonly done: readonly MaskAct[];
  readonly undone: readonly MaskAct[];
}

export const emptyHistory: MaskHistory = { done: [], undone: [] };

export function act({ done }: MaskHistory, next: MaskAct): MaskHistory {
  return { done: [...done, next], undone: [] };
}

export function undo({ done, undone }: MaskHistory): MaskHistory {
  const last = done.at(-1);
  return last === undefined ? { done, undone } : { done: done.slice(0, -1), undone: [...undone, last] };
}

export function redo({ done, undone }: MaskHistory): MaskHistory {
  const last = undone.at(-1);
  return last === undefined ? { done, undone } : { done: [...done, last], undone: undone.slice(0, -1) };
}

/** A stroke goes on: its last act gets one more point. */
export function extend({ done, undone }: MaskHistory, point: Point): MaskHistory {
  const last = done.at(-1);
  if (last?.kind !== 'stroke') return { done, undone };
  return { done: [...done.slice(0, -1), { ...last, points: [...last.points, point] }], undone };
}
