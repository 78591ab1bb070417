/**
 * Memory and sensors of NVIDIA cards through NVML, the library that comes with the driver (`nvidia-smi` reads the
 * same). The memory counts what all processes of the card hold.
 */
import type { DeviceReading } from './device-sensors.ts';
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
export async function openNvml(options: NvmlOptions): Promise<MemoryReader | undefined> {
  const card = await openCard(options);
  return card && { source: 'nvml', read: card.memory };
}

/** What the card measures of itself; a value that the card does not give is left out. */
export async function openNvmlSensors(options: NvmlOptions): Promise<{ read(): DeviceReading } | undefined> {
  const card = await openCard(options);
  return (
    card && {
      read: () => ({
        utilization: card.utilization(),
        temperatureCelsius: card.temperature(),
        powerWatts: card.power(),
      }),
    }
  );
}

async function openCard({ index, library }: NvmlOptions) {
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
    /** A function of the library that fills 32-bit numbers; one that an old driver lacks gives nothing. */
    const numbers = (prototype: string, count: number, ...between: readonly number[]) => {
      try {
        const get = nvml.func(prototype);
        return (): Uint32Array | undefined => {
          const values = new Uint32Array(count);
          return get(device[0], ...between, values) === success ? values : undefined;
        };
      } catch {
        return () => undefined;
      }
    };
    // nvmlUtilization_t: gpu, memory, in percent of the last sample period.
    const getUse = numbers('int nvmlDeviceGetUtilizationRates(void *device, _Out_ uint32_t *rates)', 2);
    const getHeat = numbers('int nvmlDeviceGetTemperature(void *device, int sensor, _Out_ uint32_t *celsius)', 1, 0);
    const getPower = numbers('int nvmlDeviceGetPowerUsage(void *device, _Out_ uint32_t *milliwatts)', 1);
    const scaled = (values: Uint32Array | undefined, scale: number): number | undefined =>
      values?.[0] === undefined ? undefined : values[0] / scale;
    return {
      memory() {
        const memory = new BigUint64Array(3);
        if (getMemory(device[0], memory) !== success) return undefined;
        return { totalBytes: Number(memory[0]), freeBytes: Number(memory[1]) };
      },
      utilization: () => scaled(getUse(), 100),
      temperature: () => scaled(getHeat(), 1),
      power: () => scaled(getPower(), 1_000),
    };
  } catch {
    return undefined; // no driver on this machine
  }
}

const success = 0;
