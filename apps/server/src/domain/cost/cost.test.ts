import { describe, expect, it } from 'vitest';
import { budgetState, monthOf } from './budget.ts';
import { costFigures, splitModel, standingCost, sumOf } from './cost-report.ts';

const used = { requests: 2, pictures: 4, failed: 1, rejected: 2, deviceMs: 12_000, costMicros: 600_000 };

describe('what pictures cost', () => {
  it('is shared by those that count: rejected and failed ones make them dearer', () => {
    expect(costFigures(used, 0.5)).toEqual({
      ...{ pictures: 4, rejected: 2, failed: 1, deviceSeconds: 12, cost: 0.6 },
      ...{ costPerPicture: 0.15, deviceSecondsPerPicture: 3, hostedCost: 2 },
    });
  });

  it('is unknown by the picture while there is none', () => {
    const none = costFigures({ ...used, pictures: 0 }, undefined);
    expect([none.costPerPicture, none.hostedCost]).toEqual([undefined, undefined]);
  });

  it('adds up', () => {
    expect(sumOf([used, used])).toMatchObject({ pictures: 8, rejected: 4, costMicros: 1_200_000 });
  });

  it('is told apart by precision', () => {
    expect(splitModel('demo:w8a8')).toEqual({ model: 'demo', precision: 'w8a8' });
    expect(splitModel('org/name:v2')).toEqual({ model: 'org/name:v2', precision: '' });
  });

  it('also of the specification: an A10G of 3,500 a month that draws 30,000 a day makes 0.004 of each', () => {
    const second = 3_500 / (730 * 3_600);
    const standing = standingCost({ devices: 1, hours: 24, perDeviceSecond: second, pictures: 30_000 });
    expect(standing.costPerPicture).toBeCloseTo(0.0038, 4);
  });
});

describe('a budget', () => {
  it('is within, then reached, then exhausted, also by what is reserved', () => {
    const budget = { soft: 5, hard: 10 };
    expect(budgetState(budget, { spent: 4, reserved: 2 })).toBe('within');
    expect(budgetState(budget, { spent: 5, reserved: 2 })).toBe('soft_reached');
    expect(budgetState(budget, { spent: 4, reserved: 6 })).toBe('exhausted');
    expect(budgetState({ soft: undefined, hard: undefined }, { spent: 9, reserved: 9 })).toBe('none');
  });

  it('is that of a calendar month', () => {
    const { name, fromDay, toDay } = monthOf(Date.UTC(2028, 1, 29, 23));
    expect([name, toDay - fromDay + 1]).toEqual(['2028-02', 29]);
  });
});
