import { describe, expect, test } from 'vitest';
import { act, emptyHistory, extend, type MaskAct, redo, undo } from './strokes.ts';

const stroke: MaskAct = { kind: 'stroke', erases: false, size: 10, points: [{ x: 1, y: 1 }] };

describe('the history of a mask', () => {
  test('what was taken back can be done again until something new is done', () => {
    const two = act(act(emptyHistory, stroke), { kind: 'invert' });
    expect(undo(two)).toEqual({ done: [stroke], undone: [{ kind: 'invert' }] });
    expect(redo(undo(two))).toEqual(two);
    expect(act(undo(two), { kind: 'clear' })).toEqual({ done: [stroke, { kind: 'clear' }], undone: [] });
  });

  test('a stroke that is drawn on is taken back as one', () => {
    const drawn = extend(extend(act(emptyHistory, stroke), { x: 2, y: 2 }), { x: 3, y: 2 });
    expect(drawn.done).toHaveLength(1);
    expect(undo(drawn).done).toEqual([]);
  });

  test('nothing is taken back of nothing', () => {
    expect(undo(emptyHistory)).toEqual(emptyHistory);
    expect(redo(emptyHistory)).toEqual(emptyHistory);
    expect(extend(act(emptyHistory, { kind: 'clear' }), { x: 1, y: 1 }).done).toEqual([{ kind: 'clear' }]);
  });
});
