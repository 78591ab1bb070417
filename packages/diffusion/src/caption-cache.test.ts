import { expect, test } from 'vitest';
import { CaptionCache } from './caption-cache.ts';
import type { Caption } from './denoise.ts';

const caption: Caption = { tokens: 32, rows: new Float32Array(250) };

function createBench(options: { maxEntries?: number; maxBytes?: number }) {
  const cache = new CaptionCache(options);
  let encoded = 0;
  /** @returns whether the prompt had to be encoded */
  const ask = async (prompt: string, { scope = 'a', model = 1 } = {}): Promise<boolean> => {
    const before = encoded;
    await cache.get({ scope, model, prompt, loras: '' }, async () => {
      encoded += 1;
      return caption;
    });
    return encoded > before;
  };
  return { cache, ask };
}

test('a prompt is encoded once in a scope and model, and anew in another', async () => {
  const { ask } = createBench({});
  expect(await ask('a boat')).toBe(true);
  expect(await ask('a boat')).toBe(false);
  expect(await ask('a boat', { scope: 'b' })).toBe(true);
  expect(await ask('a boat', { model: 2 })).toBe(true);
});

test('the prompt used longest ago goes when there are too many', async () => {
  const { ask } = createBench({ maxEntries: 2 });
  for (const prompt of ['1', '2', '1', '3']) await ask(prompt);
  expect(await ask('1')).toBe(false);
  expect(await ask('2')).toBe(true);
});

test('no more bytes are held than allowed, and none of a released model', async () => {
  const { cache, ask } = createBench({ maxBytes: 3_500 });
  for (let at = 0; at < 20; at += 1) await ask(`${at}`, { model: at % 2 });
  expect(cache.bytes).toBeGreaterThan(2_000);
  expect(cache.bytes).toBeLessThanOrEqual(3_500);
  cache.forget(0);
  cache.forget(1);
  expect(cache.bytes).toBe(0);
});

test('nothing is kept when nothing may be', async () => {
  const { cache, ask } = createBench({ maxEntries: 0 });
  await ask('a boat');
  expect(await ask('a boat')).toBe(true);
  expect(cache.bytes).toBe(0);
});

test('a prompt that could not be encoded is tried again', async () => {
  const cache = new CaptionCache();
  const key = { scope: '', model: 1, prompt: 'a boat', loras: '' };
  await expect(cache.get(key, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await cache.get(key, async () => caption)).toBe(caption);
});
