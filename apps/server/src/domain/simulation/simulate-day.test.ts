import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reportDay } from './day-report.ts';
import { deviceOfSeconds, deviceTimings, fixedMs, stepMs } from './device-timing.ts';
import { seededRandom } from './random.ts';
import { type Arrival, type DayRequest, type SimulatedDevice, simulateDay } from './simulate-day.ts';

const second: SimulatedDevice = { stepMs: () => 1_000, fixedMs: () => 0 };
const defaults: Omit<DayRequest, 'arrivals'> = {
  devices: [second],
  slots: 1,
  maxBatchTokens: 1,
  failureRate: 0,
  maxAttempts: 4,
  backOffMs: 5_000,
  random: seededRandom(1),
};

function arrival(at: number, change: Partial<Arrival> = {}): Arrival {
  return { at, width: 512, height: 512, steps: 1, priority: 'standard', tenantId: 'a', ...change };
}

describe('a simulated day', () => {
  it('waits as queueing theory says for one server, random arrivals and a fixed time of service', () => {
    const random = seededRandom(7);
    let at = 0;
    const arrivals = Array.from({ length: 60_000 }, () => {
      at += -Math.log(1 - random()) * 2_000;
      return arrival(at);
    });
    const { pictures } = simulateDay({ ...defaults, arrivals });
    const mean = pictures.reduce((sum, one) => sum + one.finishedAt - one.arrivedAt, 0) / pictures.length;
    // Pollaczek and Khinchine at a use of 0.5: 1 + 0.5 / (2 · (1 − 0.5)) times of service.
    expect(mean / 1_500).toBeCloseTo(1, 1);
  });

  it('ends every picture once, never before its work is done, and works no device beyond the time there is', () => {
    const arrivals = fc.array(
      fc.record({
        at: fc.integer({ min: 0, max: 60_000 }),
        width: fc.constantFrom(256, 512),
        height: fc.constantFrom(256, 512),
        steps: fc.integer({ min: 1, max: 9 }),
        priority: fc.constantFrom('interactive', 'standard', 'bulk'),
        tenantId: fc.constantFrom('a', 'b', 'c'),
      }) as fc.Arbitrary<Arrival>,
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 5 }), (some, count, slots) => {
        const sorted = some.toSorted((a, b) => a.at - b.at);
        const device = { stepMs: () => 100, fixedMs: () => 30 };
        const day = simulateDay({
          ...defaults,
          arrivals: sorted,
          devices: Array.from({ length: count }, () => device),
          slots,
          maxBatchTokens: 4_000,
          failureRate: 0.3,
          random: seededRandom(count),
        });
        expect(day.pictures).toHaveLength(sorted.length);
        for (const { arrival: own, arrivedAt, finishedAt } of day.pictures)
          expect(finishedAt - arrivedAt).toBeGreaterThanOrEqual(own.steps * 100 + 30);
        const end = Math.max(0, ...day.pictures.map(({ finishedAt }) => finishedAt));
        const busy = day.busy.reduce((sum, [from, to]) => sum + to - from, 0);
        expect(busy).toBeLessThanOrEqual(count * end);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('lets an interactive picture overtake bulk ones at the next step', () => {
    const arrivals = [
      ...Array.from({ length: 50 }, () => arrival(0, { priority: 'bulk', steps: 8 })),
      arrival(500, { priority: 'interactive', steps: 8 }),
    ];
    const { pictures } = simulateDay({ ...defaults, arrivals });
    const urgent = pictures.find(({ arrival: { priority } }) => priority === 'interactive');
    expect(urgent?.finishedAt).toBe(9_000);
  });

  it('serves tenants in turn, however many pictures one of them asks for', () => {
    const flood = Array.from({ length: 200 }, () => arrival(0));
    const few = Array.from({ length: 5 }, () => arrival(10, { tenantId: 'b' }));
    const { pictures } = simulateDay({ ...defaults, arrivals: [...flood, ...few] });
    const last = Math.max(...pictures.filter((one) => one.arrival.tenantId === 'b').map((one) => one.finishedAt));
    expect(last).toBeLessThanOrEqual(13_000);
  });

  it('repeats a failed attempt after its pause and gives a picture up after the last', () => {
    const { pictures } = simulateDay({ ...defaults, arrivals: [arrival(0)], failureRate: 1 });
    expect(pictures).toMatchObject([{ isDrawn: false, attempts: 4, finishedAt: 4_000 + 3 * 5_000 }]);
  });

  it('is reported by windows: pictures where they were asked for, device time where it was used', () => {
    const arrivals = [arrival(0), arrival(0), arrival(0), arrival(5_000)];
    const day = simulateDay({ ...defaults, arrivals });
    const windows = reportDay(day, {
      windows: [
        [0, 2_000],
        [2_000, 10_000],
      ],
      devices: 1,
      pricePerHour: 3_600,
    });
    expect(windows).toMatchObject([
      { pictures: 3, meanSeconds: 2, p50Seconds: 2, p95Seconds: 3, errors: 0, utilisation: 1, cost: 2 },
      { pictures: 1, meanSeconds: 1, p99Seconds: 1, utilisation: 0.25, waitingAtEnd: 0, cost: 8 },
    ]);
  });
});

describe('the timing of a device', () => {
  it('draws the picture that it was given by in the time that was given', () => {
    const device = deviceOfSeconds('A10G', 8);
    const picture = { width: 1024, height: 1024 };
    expect(8 * stepMs(device, picture, 1) + fixedMs(device, picture)).toBeCloseTo(8_000, 6);
  });

  it('is as published for an H100, and gains by batches where pictures are small', () => {
    const h100 = deviceTimings.find(({ name }) => name === 'H100');
    if (h100 === undefined) throw new Error('no H100');
    expect(stepMs(h100, { width: 1024, height: 1024 }, 1)).toBeCloseTo(201.8, 0);
    const gain = (size: number): number =>
      (4 * stepMs(h100, { width: size, height: size }, 1)) / stepMs(h100, { width: size, height: size }, 4);
    expect(gain(512)).toBeGreaterThan(1.2);
    expect(gain(1024)).toBeLessThan(1.1);
  });
});
