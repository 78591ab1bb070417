/**
 * Memory of NVIDIA cards through NVML, the library that comes with the driver (`nvidia-smi` reads the same). It counts
 * what all processes of the card hold.
 */
import type { MemoryReader } from './memory-reading.ts';

const libraryNames = { linux: 'libnvidia-ml.so.1', win32: 'nvml.dll' } as const;

export interface NvmlOptions {
  /** Number of the card, in the order of the PCI bus. */
  readonly index: number;
  /** Path of the library. @default the one of the system */
  readonly library?: string | undefined;
}

/**
 * Opens the library for one card.
 * @returns undefined when there is no driver, or no such card
 */
export async function openNvml({ index, library }: NvmlOptions): Promise<MemoryReader | undefined> {
  const name = library ?? libraryNames[process.platform as keyof typeof libraryNames];
  if (name === undefined) return undefined;
  try {
    const { default: koffi } = await import('koffi');
    const nvml = koffi.load(name);
    const init = nvml.func('int nvmlInit_v2()');
    const getHandle = nvml.func('int nvmlDeviceGetHandleByIndex_v2(unsigned int index, _Out_ void **device)');
    // nvmlMemory_t: total, free, used.
    const getMemory = nvml.func('int nvmlDeviceGetMemoryInfo(void *device, _Out_ uint64_t *memory)');
    const device: [unknown] = [null];
    if (init() !== success || getHandle(index, device) !== success) return undefined;
    return {
      source: 'nvml',
      read() {
        const memory = new BigUint64Array(3);
        if (getMemory(device[0], memory) !== success) return undefined;
        return { totalBytes: Number(memory[0]), freeBytes: Number(memory[1]) };
      },
    };
  } catch {
    return undefined; // no driver on this machine
  }
}

const success = 0;
