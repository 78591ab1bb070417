import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openNvml, openNvmlSensors } from '../../packages/diffusion/src/device-memory/nvml.ts';

const source = fileURLToPath(new URL('../fixtures/nvml/recorded-nvml.c', import.meta.url));
const hasCompiler = spawnSync('cc', ['--version']).status === 0;
let folder: string;
let library: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-nvml-'));
  library = join(folder, 'libnvidia-ml.so.1');
  if (hasCompiler) {
    const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-o', library, source], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`The recorded library could not be compiled: ${stderr}`);
    return;
  }
  if (process.env['CI'] === 'true') throw new Error('NVML cannot be tested: there is no C compiler (cc)');
  process.stderr.write('NVML is not tested: install a C compiler (cc)\n');
});
afterAll(() => rm(folder, { recursive: true }));

describe.runIf(hasCompiler)('the memory of an NVIDIA card', () => {
  test('is what the driver says, in bytes, beyond 4 GB too', async () => {
    const reader = await openNvml({ index: 1, library });
    expect(reader?.source).toBe('nvml');
    expect(reader?.read()).toEqual({ totalBytes: 25_757_220_864, freeBytes: 21_474_836_480 });
    // The recording goes on: another process took memory meanwhile, then the card was lost.
    expect(reader?.read()).toEqual({ totalBytes: 25_757_220_864, freeBytes: 1_073_741_824 });
    expect(reader?.read()).toBeUndefined();
  });

  test('is unknown for a card that is not there', async () => {
    expect(await openNvml({ index: 7, library })).toBeUndefined();
  });
});

describe.runIf(hasCompiler)('the sensors of an NVIDIA card', () => {
  test('are what the driver says: use as a share, degrees, watts', async () => {
    const sensors = await openNvmlSensors({ index: 1, library });
    expect(sensors?.read()).toEqual({ utilization: 0.87, temperatureCelsius: 66, powerWatts: 301.5 });
  });

  test('are unknown one by one where the card does not answer', async () => {
    const sensors = await openNvmlSensors({ index: 0, library });
    expect(sensors?.read()).toEqual({
      utilization: undefined,
      temperatureCelsius: undefined,
      powerWatts: undefined,
    });
  });
});

test('the memory of a card is unknown on a machine without the driver', async () => {
  expect(await openNvml({ index: 0, library: join(tmpdir(), 'no-such-library.so') })).toBeUndefined();
});
