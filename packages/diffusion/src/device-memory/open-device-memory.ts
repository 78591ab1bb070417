import type { MemoryReader } from './memory-reading.ts';
import { openNvml } from './nvml.ts';
import { readSystemMemory } from './system-memory.ts';

export type { MemoryReader, MemoryReading } from './memory-reading.ts';

/**
 * Finds out where the memory of a device can be read.
 * @param device as configured: `cpu`, `cuda:0`, …
 * @returns undefined when nobody tells, as for WebGPU
 */
export async function openDeviceMemory(device: string): Promise<MemoryReader | undefined> {
  const [kind, number = '0'] = device.split(':');
  if (kind === 'cuda') return openNvml({ index: Number(number) });
  return kind === 'cpu' ? { source: 'system', read: () => readSystemMemory() } : undefined;
}
