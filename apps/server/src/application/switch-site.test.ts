import { describe, expect, it } from 'vitest';
import type { Clock, Logger } from './ports.ts';
import { type SwitchSteps, switchSite, untilGone } from './switch-site.ts';

const quiet = (): void => undefined;
const log: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** Time passes as soon as somebody waits for it. */
function hastyClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    after(ms, run) {
      queueMicrotask(() => {
        now += ms;
        run();
      });
      return () => undefined;
    },
  };
}

const watching = (clock: Clock, signal: AbortSignal) => ({ failures: 3, intervalMs: 1_000, clock, log, signal });

describe('watching a site', () => {
  it('takes it for gone after failures in a row, not after as many in all', async () => {
    const answers = [true, false, false, true, false, false, true, false, false, false, true];
    const clock = hastyClock();
    const look = async () => answers.shift() ?? true;
    expect(await untilGone(look, watching(clock, new AbortController().signal))).toBe(true);
    expect(answers).toEqual([true]);
    expect(clock.now()).toBe(9_000);
  });

  it('ends without a verdict when it is told to stop', async () => {
    const stop = new AbortController();
    let looks = 0;
    const look = async () => {
      looks += 1;
      if (looks === 3) stop.abort();
      return false;
    };
    expect(await untilGone(look, watching(hastyClock(), stop.signal))).toBe(false);
  });
});

describe('switching a site', () => {
  const steps = (done: string[]): SwitchSteps => {
    const step = (name: string) => async () => void done.push(name);
    const [fence, promote, start] = [step('fence'), step('promote'), step('start')];
    return { fence, promote, start, ready: step('ready'), lead: step('lead') };
  };

  it('goes through its phases in order', async () => {
    const done: string[] = [];
    const report = await switchSite(steps(done), { clock: hastyClock(), log });
    expect(done).toEqual(['fence', 'promote', 'start', 'ready', 'lead']);
    expect(Object.keys(report.seconds)).toEqual(done);
    expect(report.failed).toBeUndefined();
  });

  it('promotes nothing where the old site could not be fenced', async () => {
    const done: string[] = [];
    const fence = async (): Promise<void> => {
      throw new Error('the command ended with 1');
    };
    const report = await switchSite({ ...steps(done), fence }, { clock: hastyClock(), log });
    expect(report.failed).toEqual({ phase: 'fence', reason: 'the command ended with 1' });
    expect(done).toEqual([]);
  });
});
