import { describe, expect, it } from 'vitest';
import type { EngineItem } from '../../application/engine-port.ts';
import type { EngineEvent } from './engine-protocol.ts';
import { pictureProblem, readEvent, sha256Of } from './read-event.ts';

const image = new Uint8Array([1, 2, 3]);
const timings = { loadMs: 0, encodeMs: 1, denoiseMs: 2, decodeMs: 3, totalMs: 6 };
const finished = {
  ...{ type: 'finished', id: 'a', image, sha256: sha256Of(image), mediaType: 'image/png', width: 64, height: 64 },
  ...{ seed: 7, steps: 4, executionProvider: 'cpu', timings },
} as Extract<EngineEvent, { type: 'finished' }>;
const item = { id: 'a', seed: 7, steps: 4, width: 64, height: 64, format: 'png' } as EngineItem;

describe('a message of an engine process', () => {
  it.each([finished, { type: 'started', id: 'a' }, { type: 'step', id: 'a', step: 1, steps: 4 }])(
    'is believed when it has the form of the protocol: %j',
    (event) => {
      expect(readEvent(event)).toBe(event);
    },
  );

  it.each([
    undefined,
    null,
    'rubbish',
    {},
    { type: 'finishd', id: 'a' },
    { ...finished, image: undefined },
    { ...finished, width: 0 },
    { ...finished, timings: { ...timings, totalMs: Number.NaN } },
    { type: 'step', id: 'a', step: -1, steps: 4 },
    { type: 'failed', id: 'a', fault: 'no' },
  ])('is not believed when it has another form: %j', (event) => {
    expect(readEvent(event)).toBeUndefined();
  });
});

describe('a picture of an engine process', () => {
  it('is what was asked for, or smaller where memory was short', () => {
    expect(pictureProblem(item, finished)).toBeUndefined();
    expect(pictureProblem(item, { ...finished, width: 32 })).toBeUndefined();
  });

  it.each([
    ['another seed', { seed: 8 }],
    ['other steps', { steps: 3 }],
    ['a larger size', { height: 128 }],
    ['another format', { mediaType: 'image/webp' }],
    ['bytes that were cut', { image: image.subarray(0, 2) }],
    ['a byte that was changed', { image: new Uint8Array([1, 2, 4]) }],
  ])('is refused with %s', (_, change) => {
    expect(pictureProblem(item, { ...finished, ...change })).toBeTypeOf('string');
  });
});
