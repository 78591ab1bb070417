import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { cpuRuntime, observeRuntime } from '../testing/observed-runtime.ts';
import { openDevice } from './open-device.ts';
import { selfTest } from './self-test.ts';

const onCpu = { weights: 'packed', threads: 2 } as const;
const hasCudaLibrary = existsSync(
  new URL(
    '../../../../node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so',
    import.meta.url,
  ),
);

describe('opening a device', () => {
  test('gives the CPU without a note', async () => {
    const { runtime, notes } = await openDevice({ device: 'cpu', ...onCpu });
    expect(notes).toEqual([]);
    expect(runtime).toMatchObject({
      executionProvider: 'cpu',
      weights: 'packed',
      forms: { attention: 'fused', linear: 'fused' },
    });
  });

  test.each(['gpu', 'cuda:', 'cuda:x', 'CPU', ''])(
    'refuses the unknown name "%s" and says what is expected',
    async (device) => {
      await expect(openDevice({ device, ...onCpu })).rejects.toMatchObject({
        code: 'option_invalid',
        message: `device is "${device}"; cpu, webgpu, cuda or cuda:<number> is expected.`,
      });
    },
  );

  test.skipIf(hasCudaLibrary)(
    'falls back to the CPU without the CUDA libraries, and says how to add them',
    async () => {
      const { runtime, notes } = await openDevice({ device: 'cuda:1', ...onCpu });
      expect(runtime.executionProvider).toBe('cpu');
      expect(notes[0]?.message).toContain('npm run cuda:install');
      expect(notes[1]).toEqual({
        code: 'cpu_instead',
        message: 'The CPU is used instead of cuda:1.',
        details: { device: 'cuda:1' },
      });
      expect(notes).toHaveLength(2);
    },
  );
});

describe('the self-test', () => {
  test('finds nothing wrong with a device that computes right', async () => {
    const runtime = observeRuntime(cpuRuntime());
    expect(await selfTest(runtime)).toEqual({ faults: [] });
    expect([...runtime.openSessions]).toEqual([]);
  });

  test.each([
    ['attention over 300 tokens is off', 'self-test-attention', 300 * 64],
    ['convolution is off', 'self-test-convolution', 8 * 144],
  ])('finds %s when one value in a hundred is five percent too large', async (fault, graph, length) => {
    const runtime = observeRuntime(cpuRuntime(), {
      onOutput(name, _output, values) {
        if (name !== graph || values.length !== length) return;
        for (let at = 0; at < values.length; at += 100) values[at]! *= 1.05;
      },
    });
    const { faults } = await selfTest(runtime);
    expect(faults).toEqual([expect.stringContaining(fault)]);
  });

  test('takes values that are no numbers for a fault', async () => {
    const runtime = observeRuntime(cpuRuntime(), {
      onOutput(_graph, _output, values) {
        values[0] = Number.NaN;
      },
    });
    expect((await selfTest(runtime)).faults).toHaveLength(4);
  });

  test('releases its sessions when a run fails', async () => {
    const runtime = observeRuntime(cpuRuntime(), {
      onRun() {
        throw new Error('The device fell over');
      },
    });
    await expect(selfTest(runtime)).rejects.toThrow('The device fell over');
    expect([...runtime.openSessions]).toEqual([]);
  });
});
