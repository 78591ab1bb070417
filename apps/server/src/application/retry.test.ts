import { describe, expect, it } from 'vitest';
import { ModelError } from './model-errors.ts';
import { DEFAULT_RETRY_POLICY, pauseBefore, type Retries, withRetries } from './retry.ts';

const unreachable = new ModelError('hub_unreachable', 'No connection.');

function retries(waits: number[] = []): Retries {
  return {
    policy: { maxTries: 3, baseMs: 100, maxMs: 1_000 },
    pauses: {
      wait: async (ms) => {
        waits.push(ms);
      },
      random: () => 0,
    },
    signal: new AbortController().signal,
    onRetry: () => undefined,
  };
}

describe('the pause before another try', () => {
  it('doubles up to its limit, half of it random', () => {
    const policy = { maxTries: 9, baseMs: 100, maxMs: 1_000 };
    expect([1, 2, 3, 4, 5, 9].map((tries) => pauseBefore(tries, unreachable, policy, 0))).toEqual([
      50, 100, 200, 400, 500, 500,
    ]);
    expect(pauseBefore(3, unreachable, policy, 0.5)).toBe(300);
  });

  it('is what the hub asks for, but never more than five minutes', () => {
    const asked = (retryAfterMs: number): ModelError => new ModelError('hub_rate_limited', 'Wait.', { retryAfterMs });
    expect(pauseBefore(1, asked(7_000), DEFAULT_RETRY_POLICY, 0)).toBe(7_000);
    expect(pauseBefore(1, asked(0), DEFAULT_RETRY_POLICY, 0)).toBe(0);
    expect(pauseBefore(1, asked(3_600_000), DEFAULT_RETRY_POLICY, 0)).toBe(300_000);
  });
});

describe('trying again', () => {
  it('ends with the first success', async () => {
    const waits: number[] = [];
    let tries = 0;
    const result = await withRetries(retries(waits), async () => {
      tries += 1;
      if (tries < 3) throw unreachable;
      return 'here';
    });
    expect({ result, tries, waits }).toEqual({ result: 'here', tries: 3, waits: [50, 100] });
  });

  it('gives up after the allowed fruitless tries, with their error', async () => {
    let tries = 0;
    const attempt = async (): Promise<never> => {
      tries += 1;
      throw unreachable;
    };
    await expect(withRetries(retries(), attempt)).rejects.toBe(unreachable);
    expect(tries).toBe(3);
  });

  it('counts from the start again after a try that brought something', async () => {
    let tries = 0;
    const attempt = async (): Promise<string> => {
      tries += 1;
      if (tries < 10) throw unreachable;
      return 'here';
    };
    await expect(withRetries(retries(), attempt, () => true)).resolves.toBe('here');
  });

  it('does not repeat what will fail again, what was cancelled, and faults of the program', async () => {
    for (const error of [
      new ModelError('hub_model_not_found', 'No.'),
      new ModelError('cancelled', 'Stop.'),
      new TypeError('x'),
    ]) {
      let tries = 0;
      const attempt = async (): Promise<never> => {
        tries += 1;
        throw error;
      };
      await expect(withRetries(retries(), attempt)).rejects.toBe(error);
      expect(tries).toBe(1);
    }
  });
});
