import { openNvmlSensors } from './nvml.ts';
import { createCpuMeter } from './system-cpu.ts';

/** What a device says of itself at one moment; undefined is what nobody tells. */
export interface DeviceReading {
  /** Share of the time that it worked since the last reading (CPU) or in the driver's sample period: 0 to 1. */
  readonly utilization: number | undefined;
  readonly temperatureCelsius: number | undefined;
  readonly powerWatts: number | undefined;
}

export interface DeviceSensors {
  /** `nvml` for an NVIDIA card, `system` for the machine's processors and the limits of its container. */
  readonly source: 'nvml' | 'system';
  read(): DeviceReading;
}

/** Sensors of a device as configured (`cpu`, `cuda:1`); undefined where there are none. */
export async function openDeviceSensors(device: string): Promise<DeviceSensors | undefined> {
  const [kind, number = '0'] = device.split(':');
  if (kind === 'cuda') {
    const sensors = await openNvmlSensors({ index: Number(number) });
    return sensors && { source: 'nvml', read: sensors.read };
  }
  if (kind !== 'cpu') return undefined;
  const meter = createCpuMeter();
  return {
    source: 'system',
    read: () => ({ utilization: meter(), temperatureCelsius: undefined, powerWatts: undefined }),
  };
}
