import { type InferenceSession, listSupportedBackends } from 'onnxruntime-node';
import { DiffusionError } from '../errors.ts';
import type { GraphForms, Runtime, WeightMode } from '../runtime.ts';
import { exactIntegerForm } from './integer-form.ts';
import { createOnnxRuntime, type RuntimeSettings } from './runtime.ts';
import { selfTest } from './self-test.ts';

export interface DeviceOptions {
  /** `cpu`, `webgpu`, `cuda` or `cuda:0`. */
  readonly device: string;
  readonly weights: WeightMode;
  /** Threads of one session on the CPU; 0 leaves it to the runtime. */
  readonly threads: number;
}

export interface OpenedDevice {
  readonly runtime: Runtime;
  /** What was found wrong and replaced. */
  readonly notes: readonly DeviceNote[];
}

/** What a note can be about. */
export const deviceNoteCodes = [
  'cpu_instead',
  'provider_not_built',
  'self_test_failed',
  'cuda_libraries_missing',
  'webgpu_adapter_missing',
] as const;

/** A sentence for the log, with what other languages need to say it. */
export interface DeviceNote {
  readonly code: (typeof deviceNoteCodes)[number];
  readonly message: string;
  readonly details: Readonly<Record<string, string | number>>;
}

interface Provider {
  readonly name: string;
  readonly config: InferenceSession.ExecutionProviderConfig;
  /** From the fastest way of expressing the graphs to the safest. */
  readonly forms: readonly GraphForms[];
}

/**
 * Opens a device and tests its arithmetic. What fails is replaced: first by a safer set of operators, then by the CPU;
 * each replacement is a note.
 * @throws DiffusionError `option_invalid` for an unknown device name, `device_unavailable` when even the CPU fails
 */
export async function openDevice(options: DeviceOptions): Promise<OpenedDevice> {
  const notes: DeviceNote[] = [];
  const wanted = parseDevice(options.device);
  for (const provider of wanted.name === 'cpu' ? [cpu] : [wanted, cpu]) {
    if (provider !== wanted) {
      const { device } = options;
      notes.push({ code: 'cpu_instead', message: `The CPU is used instead of ${device}.`, details: { device } });
    }
    const missing = missingProvider(provider.name);
    if (missing !== undefined) {
      notes.push(missing);
      continue;
    }
    const opened = await tryForms(provider, options, notes);
    if (opened !== undefined) return { runtime: opened, notes };
  }
  const messages = notes.map(({ message }) => message);
  throw new DiffusionError('device_unavailable', `No device computes right. ${messages.join(' ')}`, {
    details: { device: options.device, notes: messages },
  });
}

const cpu: Provider = {
  name: 'cpu',
  config: 'cpu',
  forms: [
    { attention: 'fused', linear: 'fused' },
    { attention: 'primitive', linear: 'transposed' },
  ],
};

function parseDevice(device: string): Provider {
  if (device === 'cpu') return cpu;
  if (device === 'webgpu') {
    return {
      name: 'webgpu',
      config: 'webgpu',
      forms: [
        { attention: 'fused', linear: 'transposed' },
        { attention: 'primitive', linear: 'transposed' },
      ],
    };
  }
  const cuda = /^cuda(?::(\d+))?$/.exec(device);
  if (cuda !== null) {
    return {
      name: 'cuda',
      config: { name: 'cuda', deviceId: Number(cuda[1] ?? 0) },
      forms: [
        { attention: 'fused', linear: 'fused' },
        { attention: 'primitive', linear: 'transposed' },
      ],
    };
  }
  throw new DiffusionError('option_invalid', `device is "${device}"; cpu, webgpu, cuda or cuda:<number> is expected.`, {
    details: { option: 'device', value: device },
  });
}

/** Why a provider cannot even be tried, or undefined. */
function missingProvider(name: string): DeviceNote | undefined {
  const backends = listSupportedBackends();
  const backend = backends.find((candidate) => candidate.name === name);
  if (backend !== undefined && (name !== 'cuda' || backend.bundled || process.platform === 'linux')) return undefined;
  const found = backends.map((candidate) => candidate.name).join(', ');
  const message = `The execution provider ${name} is not part of this installation, which has ${found}.${name === 'cuda' ? ' "npm run cuda:install" adds it.' : ''}`;
  return { code: 'provider_not_built', message, details: { provider: name, found } };
}

/** The first way of expressing the graphs that passes the self-test. */
async function tryForms(provider: Provider, options: DeviceOptions, notes: DeviceNote[]): Promise<Runtime | undefined> {
  for (const forms of provider.forms) {
    const settings = {
      name: provider.name,
      executionProvider: provider.config,
      weights: provider.name === 'cpu' ? options.weights : ('packed' as const),
      threads: options.threads,
      forms,
    };
    const runtime = createOnnxRuntime(settings);
    try {
      const { faults } = await selfTest(runtime);
      if (faults.length === 0) return await withIntegerForm(settings, runtime);
      notes.push(failedSelfTest(provider, forms, `${faults.join('; ')}.`));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const absent = absences.find(({ pattern }) => pattern.test(reason));
      notes.push(absent === undefined ? failedSelfTest(provider, forms, reason) : { ...absent.note, details: {} });
      if (absent !== undefined) return undefined;
    }
  }
  return undefined;
}

function failedSelfTest({ name: provider }: Provider, { attention }: GraphForms, reason: string): DeviceNote {
  const message = `${provider} failed its self-test with ${attention} attention: ${reason}`;
  return { code: 'self_test_failed', message, details: { provider, attention, reason } };
}

/** Quantised weights take the fastest type that this device multiplies exactly. */
async function withIntegerForm(settings: RuntimeSettings, runtime: Runtime): Promise<Runtime> {
  if (settings.weights !== 'w8a8') return runtime;
  const integer = await exactIntegerForm(runtime);
  return createOnnxRuntime({ ...settings, forms: { ...settings.forms, integer } });
}

/** Errors that mean that there is no such device, with what to do. */
const absences = [
  {
    pattern: /Failed to load shared library|libonnxruntime_providers/,
    note: {
      code: 'cuda_libraries_missing',
      message:
        'The CUDA libraries of ONNX Runtime are not installed; "npm run cuda:install" adds them. CUDA 12 and cuDNN 9 must be on the machine.',
    },
  },
  {
    pattern: /No supported adapters|Failed to get a WebGPU adapter/,
    note: {
      code: 'webgpu_adapter_missing',
      message: 'No WebGPU adapter was found: a graphics card with a Vulkan, Metal or Direct3D 12 driver is needed.',
    },
  },
] as const;
