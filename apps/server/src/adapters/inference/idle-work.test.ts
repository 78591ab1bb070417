import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { IdleWork } from './idle-work.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const errors: unknown[] = [];
const newWork = (): IdleWork => new IdleWork({ pauseMs: 100, onError: (error) => errors.push(error) });

describe('idle work', () => {
  test('runs when nothing has come for the pause', async () => {
    const work = newWork();
    const done: string[] = [];
    work.begin();
    work.add(async () => void done.push('a'));
    work.add(async () => void done.push('b'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(done).toEqual([]);
    work.end();
    await vi.advanceTimersByTimeAsync(99);
    expect(done).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(done).toEqual(['a', 'b']);
  });

  test('is told when something comes, and is run again afterwards', async () => {
    const work = newWork();
    const seen: boolean[] = [];
    work.add(async (isIdle) => {
      seen.push(isIdle());
      if (seen.length === 1) work.begin();
      seen.push(isIdle());
    });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen).toEqual([true, false]);
    work.end();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen).toEqual([true, false, true, true]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen).toHaveLength(4);
  });

  test('a task that fails is reported and not repeated', async () => {
    errors.length = 0;
    const work = newWork();
    const done: string[] = [];
    work.add(() => Promise.reject(new Error('no')));
    work.add(async () => void done.push('next'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(errors).toEqual([new Error('no')]);
    expect(done).toEqual(['next']);
  });

  test('gives way to what must have the engine alone', async () => {
    const work = newWork();
    const order: string[] = [];
    let release = (): void => undefined;
    work.add(async (isIdle) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      order.push(isIdle() ? 'idle' : 'interrupted');
    });
    await vi.advanceTimersByTimeAsync(100);
    const alone = work.during(async () => void order.push('alone'));
    release();
    await alone;
    expect(order).toEqual(['interrupted', 'alone']);
  });

  test('does nothing more once it is closed', async () => {
    const work = newWork();
    const done: string[] = [];
    work.add(async () => void done.push('a'));
    await work.close();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(done).toEqual([]);
  });
});
