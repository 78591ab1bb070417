import { describe, expect, it } from 'vitest';
import { type Alert, type AlertDelivery, dueNotice, judgeDelivery, type Silence } from './alert.ts';
import { type AlertRule, defaultRules } from './rule.ts';
import { type ProcessSample, readSignals } from './sample.ts';

const alert: Alert = {
  ...{ id: 'a', rule: { ...(defaultRules[0] as AlertRule), repeatSeconds: 60 }, firedAt: 0, resolvedAt: undefined },
  ...{ value: 1, worst: 1, acknowledged: undefined, toldAt: undefined },
};
const silence: Silence = { id: 's', ruleId: alert.rule.id, createdAt: 0, until: 100, by: 'me', comment: '' };

describe('an alert', () => {
  it('is told of at once, again while nobody acknowledges it, and not after', () => {
    expect(dueNotice(alert, [], 5)).toBe('fired');
    expect(dueNotice({ ...alert, toldAt: 5 }, [], 60_004)).toBeUndefined();
    expect(dueNotice({ ...alert, toldAt: 5 }, [], 60_005)).toBe('repeated');
    const acknowledged = { ...alert, toldAt: 5, acknowledged: { at: 6, by: 'me', comment: '' } };
    expect(dueNotice(acknowledged, [], 900_000)).toBeUndefined();
    expect(dueNotice({ ...alert, toldAt: 5, rule: { ...alert.rule, repeatSeconds: 0 } }, [], 900_000)).toBeUndefined();
  });

  it('of a silenced rule is told of when the silence is over', () => {
    expect(dueNotice(alert, [silence], 99)).toBeUndefined();
    expect(dueNotice(alert, [silence], 100)).toBe('fired');
    expect(dueNotice(alert, [{ ...silence, ruleId: 'another' }], 99)).toBe('fired');
    expect(dueNotice(alert, [{ ...silence, ruleId: undefined }], 99)).toBeUndefined();
  });
});

describe('a delivery', () => {
  it('that fails is tried again after each pause, then given up', () => {
    const fresh: AlertDelivery = {
      ...{ id: 'd', alertId: 'a', channelId: 'c', kind: 'fired', state: 'pending' },
      ...{ createdAt: 0, nextAt: 0, attempts: 0, problem: undefined },
    };
    const pausesMs = [10, 20];
    const first = judgeDelivery(fresh, 'down', { now: 100, pausesMs });
    expect(first).toMatchObject({ state: 'pending', nextAt: 110, attempts: 1, problem: 'down' });
    const second = judgeDelivery(first, 'down', { now: 110, pausesMs });
    expect(second).toMatchObject({ state: 'pending', nextAt: 130 });
    expect(judgeDelivery(second, 'down', { now: 130, pausesMs })).toMatchObject({ state: 'given_up', attempts: 3 });
    expect(judgeDelivery(second, undefined, { now: 130, pausesMs })).toMatchObject({ state: 'delivered' });
  });
});

describe('signals', () => {
  const sample = (processId: string, at: number, changes: Partial<ProcessSample> = {}): ProcessSample => ({
    ...{ processId, at, devices: [], succeeded: 0, failed: 0, failedMessages: 0, freeDiskBytes: null, clockJumpMs: 0 },
    ...changes,
  });
  const records = { queueLength: 7, oldestWaitMs: 2_500, deadLetters: 1, budgetsReached: 1 };
  const device = (utilization: number | null, isReady = true) => ({ device: 'cpu', utilization, isReady });

  it('are of all processes together; one that fell silent has no say in what is now', () => {
    const read = readSignals(
      [
        sample('gone', 0, { devices: [device(0)], succeeded: 90, failed: 10 }),
        sample('a', 95_000, { devices: [device(0.5)], succeeded: 99 }),
        sample('a', 100_000, { devices: [device(1)], failed: 1, freeDiskBytes: 5 }),
        sample('b', 100_000, { devices: [device(0.8), device(null, false)], freeDiskBytes: 3, clockJumpMs: -4_000 }),
      ],
      records,
      { now: 101_000, freshMs: 30_000 },
    );
    expect(read).toEqual({
      ...{ device_utilization: 0.9, queue_length: 7, oldest_wait_seconds: 2.5, error_rate: 11 / 200, dead_letters: 1 },
      ...{ engines_down: 1, free_disk_bytes: 3, message_failures: 0, clock_skew_seconds: 4, budgets_reached: 1 },
    });
  });

  it('that nobody can tell are unknown, not good', () => {
    const read = readSignals([], records, { now: 0, freshMs: 1 });
    expect(read.device_utilization).toBeUndefined();
    expect(read.error_rate).toBeUndefined();
    expect(read.engines_down).toBeUndefined();
  });
});
