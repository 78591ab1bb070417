import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';

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
      for (const name of ['meanSeconds', 'p50Seconds', 'p95Seconds', 'p99Seconds', 'errors', 'utilisation'])
        expect(window[name]).toBeTypeOf('number');
      expect(window).toHaveProperty('cost');
    }
  });

  it('finds how many devices keep the slowest pictures of every window below a target', async () => {
    const small = ['simulate', '--trace', trace, '--devices', 'H100', '--width', '256', '--height', '256'];
    const found = await runCli([...small, '--target-p95', '10'], { cwd });
    expect(found.status).toBe(0);
    expect(found.stderr).toMatch(/1 × H100 keep p95 of every window below 10 s/);
  });

  it('names the option that is wrong', async () => {
    const result = await runCli(['simulate', '--trace', trace, '--devices', '4xTPU'], { cwd });
    expect(result.status).toBe(2);
    expect(result.stderr).toMatch(/--devices: got "4xTPU".*\[option_invalid\]/);
    const missing = await runCli(['simulate', '--trace', 'nowhere.csv', '--devices', 'L4'], { cwd });
    expect(missing.stderr).toMatch(/nowhere\.csv cannot be used.*\[trace_invalid\]/);
  });
});
