import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';

const figures = ['meanSeconds', 'p50Seconds', 'p95Seconds', 'p99Seconds', 'errors', 'utilisation'];
const trace = fileURLToPath(new URL('../fixtures/traces/day.csv', import.meta.url));

describe('imagemill simulate', () => {
  let cwd = '';
  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'imagemill-simulate-'));
  });
  afterAll(() => rm(cwd, { recursive: true, force: true }));

  it('replays the day of the specification: every picture in its window, the same table for the same seed', async () => {
    const args = ['simulate', '--trace', trace, '--devices', '4xL40S', '--failures', '0.003', '--json'];
    const [first, second] = await Promise.all([runCli(args, { cwd }), runCli(args, { cwd })]);
    expect(first.stderr).toBe('');
    expect(first.stdout).toBe(second.stdout);
    const windows = first.json();
    expect(windows.map(({ pictures }) => pictures)).toEqual([8_000, 22_000, 35_000, 35_000]);
    for (const window of windows) {
      expect(Object.keys(window)).toEqual(['pictures', ...figures, 'cost']);
      for (const name of figures) expect(window[name]).toBeTypeOf('number');
    }
  });

  it('finds how many devices keep the slowest pictures of every window below a target', async () => {
    const small = ['simulate', '--trace', trace, '--devices', 'H100', '--width', '256', '--height', '256'];
    const found = await runCli([...small, '--target-p95', '10'], { cwd });
    expect(found.status).toBe(0);
    expect(found.stderr).toMatch(/1 × H100 keep p95 of every window below 10 s/);
    const asJson = await runCli([...small, '--target-p95', '10', '--json'], { cwd });
    expect(asJson.json()).toHaveLength(4);
    expect(asJson.stderr).toMatch(/1 × H100 keep/);
    const more = await runCli(['simulate', '--trace', trace, '--devices', 'H100', '--target-p95', '10'], { cwd });
    expect(more.stderr).toMatch(/5 × H100 keep/);
  });

  it('finds no number of devices where none keeps the target: all attempts fail, or one picture takes longer', async () => {
    await writeFile(join(cwd, 'one.csv'), 'minute,pictures\n0,1\n');
    for (const wrong of [
      ['--failures', '1', '--target-p95', '100'],
      ['--target-p95', '1'],
    ]) {
      const args = ['simulate', '--trace', 'one.csv', '--devices', 'A10G@8', ...wrong];
      const result = await runCli(args, { cwd });
      expect(result.status).toBe(2);
      expect(result.stderr).toMatch(/256 × A10G do not reach it.*\[option_invalid\]/);
    }
  });

  it('takes devices of several kinds together, and asks for one kind where it is to find their number', async () => {
    await writeFile(join(cwd, 'one.csv'), 'minute,pictures\n0,1\n');
    const mixed = ['simulate', '--trace', 'one.csv', '--devices', '2xH100+A10G@8', '--json'];
    expect((await runCli(mixed, { cwd })).json()).toMatchObject([{ pictures: 1, errors: 0 }]);
    const result = await runCli([...mixed, '--target-p95', '10'], { cwd });
    expect(result.stderr).toContain('one kind of device with --target-p95');
  });

  it('draws with timings that were measured, by size and batch, with what the platform takes', async () => {
    const size = { width: 512, height: 512, stepMs: [100, 150], fixedMs: 50 };
    const platform = { acceptMs: 5, fileMs: 20, storeMs: 10 };
    await writeFile(join(cwd, 'card.json'), JSON.stringify({ sizes: [size], platform, pricePerHour: 2 }));
    await writeFile(join(cwd, 'two.csv'), 'minute,pictures\n0,1\n10,1\n');
    const shape = ['--width', '512', '--height', '512', '--steps', '8'];
    const found = await runCli(
      ['simulate', '--trace', 'two.csv', '--devices', '2xcard@card.json', ...shape, '--json'],
      {
        cwd,
      },
    );
    expect(found.stderr).toBe('');
    expect(found.json()).toMatchObject([{ pictures: 2, meanSeconds: 0.885, p99Seconds: 0.885, errors: 0, cost: 24 }]);
    await writeFile(join(cwd, 'wrong.json'), JSON.stringify({ sizes: [{ ...size, stepMs: [0] }] }));
    const wrong = await runCli(['simulate', '--trace', 'two.csv', '--devices', 'x@wrong.json'], { cwd });
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toMatch(/wrong\.json cannot be used: sizes\[0\]\.stepMs\[0\] is 0.*\[timings_invalid\]/);
  });

  it('takes a window in which nobody asks, and says what is wrong with a trace', async () => {
    const run = async (text: string) => {
      await writeFile(join(cwd, 'some.csv'), text);
      return runCli(['simulate', '--trace', 'some.csv', '--devices', 'H100', '--json'], { cwd });
    };
    const gap = await run('minute,pictures\n0,3\n400,0\n800,2\n');
    expect(gap.json().map(({ pictures }) => pictures)).toEqual([3, 0, 2, 0]);
    expect(gap.json()[1]).toMatchObject({ meanSeconds: null, p95Seconds: null, errors: 0, utilisation: 0, cost: null });
    expect((await run('minute,pictures\n7,1')).json()).toMatchObject([{ pictures: 1 }]);
    for (const [text, problem] of [
      ['', /no column minute/],
      ['minute,pictures\n', /asks for no picture/],
      ['time,count\n0,1\n', /no column minute/],
      ['minute,pictures,colour\n0,1,red\n', /unknown column .*colour/],
      ['minute,pictures\n0,-1\n', /line 2: pictures is .*-1/],
      ['minute,pictures\n0\n', /line 2 has 1 cells/],
    ] as const) {
      const result = await run(text);
      expect(result.status).toBe(2);
      expect(result.stderr).toMatch(problem);
      expect(result.stderr).toContain('trace_invalid');
    }
  });

  it('names the option that is wrong', async () => {
    const result = await runCli(['simulate', '--trace', trace, '--devices', '4xTPU'], { cwd });
    expect(result.status).toBe(2);
    expect(result.stderr).toMatch(/--devices: got "4xTPU".*\[option_invalid\]/);
    const missing = await runCli(['simulate', '--trace', 'nowhere.csv', '--devices', 'L4'], { cwd });
    expect(missing.stderr).toMatch(/nowhere\.csv cannot be used.*\[trace_invalid\]/);
  });
});
