import type { DeviceMemoryFacts } from './engine-port.ts';
import { every } from './every.ts';
import type { BusyMeter } from './observe-attempts.ts';
import type { Clock } from './ports.ts';

/** What a device says of itself at one moment; undefined is what nobody tells. */
export interface DeviceReading {
  /** 0 to 1 */
  readonly utilization: number | undefined;
  readonly temperatureCelsius: number | undefined;
  readonly powerWatts: number | undefined;
}

export interface DeviceSensors {
  readonly source: 'nvml' | 'system';
  read(): DeviceReading;
}

export interface DeviceSample extends DeviceReading {
  readonly device: string;
  /** Who measured the utilization: the driver, the system, or the share of time in which the engine held a picture. */
  readonly source: 'nvml' | 'system' | 'engine';
  readonly memory: DeviceMemoryFacts | undefined;
}

export interface DeviceMonitorPorts {
  readonly clock: Clock;
  readonly device: string;
  readonly busy: BusyMeter;
  readonly sensors: DeviceSensors | undefined;
  readonly memoryOf: (device: string) => DeviceMemoryFacts | undefined;
  readonly onError: (error: unknown) => void;
}

/** Looks at a device every few seconds; whoever asks in between gets the last sample. */
export class DeviceMonitor {
  readonly #ports: DeviceMonitorPorts;
  readonly #stop: () => void;
  #sample: DeviceSample;
  #last: { readonly at: number; readonly busyMs: number };

  constructor(ports: DeviceMonitorPorts) {
    this.#ports = ports;
    ports.sensors?.read(); // The first reading of a counter says nothing yet.
    this.#last = { at: ports.clock.now(), busyMs: ports.busy.busyMs };
    this.#sample = this.#look();
    this.#stop = every(ports.clock, SAMPLE_MS, async () => this.#take(), ports.onError);
  }

  get sample(): DeviceSample {
    return this.#sample;
  }

  close(): void {
    this.#stop();
  }

  #take(): void {
    this.#sample = this.#look();
  }

  #look(): DeviceSample {
    const { device, sensors, memoryOf, busy, clock } = this.#ports;
    const now = { at: clock.now(), busyMs: busy.busyMs };
    const elapsed = now.at - this.#last.at;
    const share = elapsed <= 0 ? undefined : Math.min(1, Math.max(0, (now.busyMs - this.#last.busyMs) / elapsed));
    this.#last = now;
    const reading = sensors?.read();
    const memory = memoryOf(device);
    if (sensors !== undefined && reading?.utilization !== undefined) {
      return { device, source: sensors.source, ...reading, memory };
    }
    const { temperatureCelsius, powerWatts } = reading ?? {};
    return { device, source: 'engine', utilization: share, temperatureCelsius, powerWatts, memory };
  }
}

const SAMPLE_MS = 5_000;
