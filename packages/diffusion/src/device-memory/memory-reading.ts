export interface MemoryReading {
  readonly totalBytes: number;
  /** What may still be taken; file pages that the system would give back count as free. */
  readonly freeBytes: number;
}

/** Where a device's memory can be read. */
export interface MemoryReader {
  /** `nvml` for NVIDIA's library, `system` for the machine's own memory and the limits of its container. */
  readonly source: 'nvml' | 'system';
  /** Undefined when the source does not answer. */
  read(): MemoryReading | undefined;
}
