import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DiffusionError } from './errors.ts';
import { ZImagePipeline } from './families/z-image/pipeline.ts';
import { ModelPool } from './model-pool.ts';
import { cpuRuntime, observeRuntime } from './testing/observed-runtime.ts';

const fixture = fileURLToPath(new URL('../../../tests/fixtures/parity/float32/checkpoint', import.meta.url));

/** A pool over any paths, all of which hold the same small model; remembers what was loaded and dropped, in order. */
interface Memory {
  readonly maxBytes?: number;
  readonly sizes?: Readonly<Record<string, number>>;
}

function createPool(
  maxModels: number,
  memory: Memory = {},
): { pool: ModelPool; events: string[]; failing: Set<string> } {
  const events: string[] = [];
  const failing = new Set<string>();
  const pool = new ModelPool({
    maxModels,
    ...memory,
    bytesOf: async (key) => {
      if (failing.has(key)) throw new DiffusionError('checkpoint_not_found', `${key} is not there.`);
      return memory.sizes?.[key] ?? 0;
    },
    open: () => ZImagePipeline.open(fixture, cpuRuntime()),
    onChange: ({ type, key }) => events.push(`${type} ${key}`),
  });
  return { pool, events, failing };
}

async function use(pool: ModelPool, path: string): Promise<void> {
  (await pool.borrow(path)).giveBack();
}

describe('a pool of models', () => {
  test('loads a model once and hands the same one to the next borrower, who waits for nothing', async () => {
    const { pool, events } = createPool(2);
    const first = await pool.borrow('a');
    const second = await pool.borrow('a');
    expect(second.pipeline).toBe(first.pipeline);
    expect(first.loadMs).toBeGreaterThan(0);
    expect(second.loadMs).toBe(0);
    expect(events).toEqual(['loaded a']);
  });

  test('lets borrowers who ask at the same time share one load', async () => {
    const { pool, events } = createPool(2);
    const [first, second, third] = await Promise.all(['a', 'a', 'b'].map((path) => pool.borrow(path)));
    expect(first?.pipeline).toBe(second?.pipeline);
    expect(third?.pipeline).not.toBe(first?.pipeline);
    expect(events.toSorted()).toEqual(['loaded a', 'loaded b']);
  });

  test('drops the model that was used longest ago when there are too many', async () => {
    const { pool, events } = createPool(2);
    for (const path of ['a', 'b', 'a', 'c']) await use(pool, path);
    expect(events).toEqual(['loaded a', 'loaded b', 'unloaded b', 'loaded c']);
    await use(pool, 'b');
    expect(events.slice(4)).toEqual(['unloaded a', 'loaded b']);
  });

  test('keeps models that are in use, however many, and drops them once they are given back', async () => {
    const { pool, events } = createPool(1);
    const borrowed = await Promise.all(['a', 'b', 'c'].map((path) => pool.borrow(path)));
    expect(events.filter((event) => event.startsWith('unloaded'))).toEqual([]);
    for (const model of borrowed) model.giveBack();
    await pool.settled();
    expect(events.slice(3)).toEqual(['unloaded a', 'unloaded b']);
  });

  test('drops nothing twice when several borrowers ask at once', async () => {
    const { pool, events } = createPool(2);
    await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((path) => use(pool, path)));
    await pool.settled();
    const dropped = events.filter((event) => event.startsWith('unloaded'));
    expect(new Set(dropped).size).toBe(dropped.length);
    expect(dropped).toHaveLength(5);
  });

  test('counts a borrower who gives back twice once', async () => {
    const { pool } = createPool(2);
    const [first, second] = [await pool.borrow('a'), await pool.borrow('a')];
    first.giveBack();
    first.giveBack();
    await expect(pool.unload('a')).rejects.toMatchObject({ code: 'model_in_use', details: { users: 1 } });
    second.giveBack();
    await pool.unload('a');
  });
});

describe('the memory of a pool', () => {
  const sizes = { a: 40, b: 40, c: 70, d: 101 };

  test('is freed before the next model is opened, by those that were used longest ago', async () => {
    const { pool, events } = createPool(9, { maxBytes: 100, sizes });
    for (const key of ['a', 'b', 'c']) await use(pool, key);
    expect(events).toEqual(['loaded a', 'loaded b', 'unloaded a', 'unloaded b', 'loaded c']);
  });

  test('holds what is in use even beyond the bound, until it is given back', async () => {
    const { pool, events } = createPool(9, { maxBytes: 100, sizes });
    const used = await pool.borrow('a');
    await use(pool, 'c');
    await pool.settled();
    expect(events).toEqual(['loaded a', 'loaded c', 'unloaded c']);
    used.giveBack();
    expect(pool.unused()).toEqual(['a']);
  });

  test('is no place for a model that alone is too large: it costs no other its place', async () => {
    const { pool, events } = createPool(9, { maxBytes: 100, sizes });
    await use(pool, 'a');
    await expect(pool.borrow('d')).rejects.toMatchObject({
      code: 'model_too_large',
      details: { path: 'd', bytes: 101, maxBytes: 100 },
    });
    expect(events).toEqual(['loaded a']);
  });

  test('can be had back from all models that nobody uses', async () => {
    const { pool, events } = createPool(9, { sizes });
    const used = await pool.borrow('a');
    await use(pool, 'b');
    await use(pool, 'c');
    expect(await pool.freeUnused()).toBe(110);
    expect(events.slice(3).toSorted()).toEqual(['unloaded b', 'unloaded c']);
    used.giveBack();
  });

  test('never passes its bounds but for models in use, whatever is asked for in whatever order', async () => {
    const keys = ['a', 'b', 'c', 'e', 'f'];
    const steps = fc.array(fc.record({ key: fc.constantFrom(...keys), hold: fc.boolean() }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(steps, async (run) => {
        const weigh = (key: string): number => 10 + 20 * keys.indexOf(key);
        const loaded = new Map<string, number>();
        const held = new Map<string, (() => void)[]>();
        const pool = new ModelPool({
          maxModels: 2,
          maxBytes: 100,
          bytesOf: async (key) => weigh(key),
          open: async () => ({ release: async () => undefined }) as ZImagePipeline,
          onChange: ({ type, key, bytes }) => (type === 'loaded' ? loaded.set(key, bytes) : loaded.delete(key)),
        });
        for (const { key, hold } of run) {
          const { giveBack } = await pool.borrow(key);
          if (hold) held.set(key, [...(held.get(key) ?? []), giveBack]);
          else giveBack();
          await pool.settled();
          for (const [inUse] of held) expect([...loaded.keys()]).toContain(inUse);
          const unused = [...loaded].filter(([name]) => !held.has(name));
          const bytes = [...loaded.values()].reduce((sum, size) => sum + size, 0);
          if (unused.length > 0) expect([loaded.size <= 2, bytes <= 100]).toEqual([true, true]);
        }
      }),
    );
  });
});

describe('a model that failed to load', () => {
  test('fails everyone who waited for it and is tried again by the next', async () => {
    const { pool, events, failing } = createPool(2);
    failing.add('a');
    const results = await Promise.allSettled([pool.borrow('a'), pool.borrow('a')]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    failing.clear();
    await use(pool, 'a');
    expect(events).toEqual(['loaded a']);
  });

  test('costs no other model its place', async () => {
    const { pool, events, failing } = createPool(1);
    await use(pool, 'a');
    failing.add('b');
    await expect(pool.borrow('b')).rejects.toMatchObject({ code: 'checkpoint_not_found' });
    expect(events).toEqual(['loaded a']);
  });
});

describe('unloading', () => {
  test('is refused while the model draws, and says how many pictures', async () => {
    const { pool, events } = createPool(3);
    const model = await pool.borrow('a');
    await expect(pool.unload('a')).rejects.toMatchObject({ code: 'model_in_use', retryable: true });
    model.giveBack();
    await pool.unload('a');
    expect(events).toEqual(['loaded a', 'unloaded a']);
  });

  test('of a model that is not loaded does nothing', async () => {
    const { pool, events } = createPool(3);
    await pool.unload('a');
    expect(events).toEqual([]);
  });

  test('by closing the pool releases every session', async () => {
    const runtime = observeRuntime(cpuRuntime());
    const pool = new ModelPool({ open: () => ZImagePipeline.open(fixture, runtime) });
    const model = await pool.borrow('a');
    await model.pipeline.warmUp();
    expect(runtime.openSessions.size).toBeGreaterThan(0);
    model.giveBack();
    await pool.close();
    expect([...runtime.openSessions]).toEqual([]);
  });

  test('that fails is told to the one who asked and leaves the pool usable', async () => {
    const runtime = observeRuntime(cpuRuntime(), {
      onRelease() {
        throw new Error('The driver is gone');
      },
    });
    const pool = new ModelPool({ maxModels: 1, open: () => ZImagePipeline.open(fixture, runtime) });
    const model = await pool.borrow('a');
    await model.pipeline.encodePrompt('x');
    model.giveBack();
    // Room for b is made by dropping a, whose release fails: b is not the one to blame.
    const other = await pool.borrow('b');
    await other.pipeline.encodePrompt('x');
    other.giveBack();
    await expect(pool.unload('b')).rejects.toThrow('The driver is gone');
    await use(pool, 'c');
  });
});
