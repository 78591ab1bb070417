import { describe, expect, it } from 'vitest';
import { parseDevices } from './devices-option.ts';
import { parseTrace } from './trace-file.ts';

const defaults = { width: 1024, height: 1024, steps: 8, random: () => 0.5 };

describe('a trace', () => {
  it('asks for the pictures of each minute, in the order of time', () => {
    const arrivals = parseTrace('day.csv', '\uFEFFminute,pictures\r\n1,2\r\n0,1\r\n\r\n', defaults);
    expect(arrivals.map(({ at }) => at)).toEqual([30_000, 90_000, 90_000]);
    expect(arrivals[0]).toMatchObject({ width: 1024, steps: 8, priority: 'standard', tenantId: 'default' });
  });

  it('may say size, steps, priority and tenant of each line', () => {
    const text = 'pictures,minute,width,height,steps,priority,tenant\n1,0,512,768,4,bulk,shop\n1,0,,,,,';
    const [first, second] = parseTrace('day.csv', text, defaults);
    expect(first).toMatchObject({ width: 512, height: 768, steps: 4, priority: 'bulk', tenantId: 'shop' });
    expect(second).toMatchObject({ width: 1024, steps: 8, priority: 'standard', tenantId: 'default' });
  });

  it('may be quoted as spreadsheets do it', () => {
    expect(parseTrace('day.csv', '"minute","pictures"\n"0","1"\n', defaults)).toHaveLength(1);
  });

  it.each([
    ['time,pictures\n0,1', 'line 1 has no column minute'],
    ['minute,pictures,colour\n0,1,red', 'unknown column "colour"'],
    ['minute;pictures\n0;1', 'cells are parted by commas'],
    ['minute,pictures,Minute\n0,1,2', 'the column minute twice'],
    ['minute,pictures\n0,1\n1,x', 'line 3: pictures is "x"'],
    ['minute,pictures\n0,1\n1', 'line 3 has 1 cells, expected 2'],
    ['minute,pictures\n-1,1', 'line 2: minute is "-1"'],
    ['minute,pictures,priority\n0,1,soon', 'priority is "soon"'],
    ['minute,pictures\n0,0', 'asks for no picture'],
    ['minute,pictures\n0,3000000', 'expected a whole number'],
  ])('that is wrong is refused with its line: %j', (text, problem) => {
    expect(() => parseTrace('day.csv', text, defaults)).toThrow(problem);
  });
});

describe('the devices of a simulation', () => {
  it('are groups of a known name, or of given seconds', () => {
    expect(parseDevices('2xL40S+A10G@8')).toMatchObject([
      { count: 2, device: { name: 'L40S', source: 'derived' } },
      { count: 1, device: { name: 'A10G', source: 'given' } },
    ]);
  });

  it.each(['A10G@1e-300', 'A10G@1e300', 'A10G@0x10', 'A10G@-8'])('refuse %j, which no picture takes', (text) => {
    expect(() => parseDevices(text)).toThrow('seconds from 0.001 to 100000');
  });

  it.each(['', '4x', '0xA10G', '4xA10G@0', 'TPU', '4xA10G,2xL4'])('refuse %j and name what is known', (text) => {
    expect(() => parseDevices(text)).toThrow(/known are A10G, L4, L40S, 4090, H100/);
  });
});
