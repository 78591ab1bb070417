import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';

/**
 * The WebGPU path on SwiftShader, the software Vulkan device in Debian's chromium-common: the same kernels as on a card,
 * slowly. Runs in a process of its own because the driver is chosen by the environment before the library loads.
 */
const driver = '/usr/lib/chromium/vk_swiftshader_icd.json';
const loader = ['/usr/lib/x86_64-linux-gnu/libvulkan.so.1', '/usr/lib/aarch64-linux-gnu/libvulkan.so.1'].some(
  existsSync,
);
const isReady = existsSync(driver) && loader;

interface Answer {
  readonly provider: string;
  readonly attention: string;
  readonly notes: readonly { readonly message: string }[];
  readonly errors: Readonly<Record<string, number>>;
}

beforeAll(() => {
  if (isReady) return;
  if (process.env['CI'] === 'true')
    throw new Error(
      `WebGPU cannot be tested: ${driver} or libvulkan.so.1 is missing; scripts/install-test-services.sh installs them`,
    );
  process.stderr.write('WebGPU is not tested: install chromium-common and libvulkan1\n');
});

it.runIf(isReady)(
  'WebGPU draws within 1e-3 of the reference and replaces the attention kernel that fails the self-test',
  async () => {
    const answer = await runChild();
    expect(answer.provider).toBe('webgpu');
    expect(answer.attention).toBe('primitive');
    expect(answer.notes.map(({ message }) => message).join(' ')).toContain('failed its self-test with fused attention');
    expect(Object.keys(answer.errors)).toEqual([
      'prompt1.embeds',
      'dit1.y',
      'lora kohya dit1.y.scale0.6',
      'vae.image',
      'pipe1.latents_out',
    ]);
    for (const error of Object.values(answer.errors)) expect(error).toBeLessThanOrEqual(1e-3);
  },
  300_000, // most of it is SwiftShader compiling kernels
);

function runChild(): Promise<Answer> {
  const child = fork(fileURLToPath(new URL('../support/webgpu-child.ts', import.meta.url)), {
    env: { PATH: process.env['PATH'], VK_ICD_FILENAMES: driver, VK_DRIVER_FILES: driver },
    execArgv: [],
  });
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as Answer));
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`The child ended with ${code ?? signal}`)));
  });
}
