/**
 * `--devices`: `4xA10G`, `2xL40S+4xA10G`, `4xA10G@8` (seconds for a picture of 1024² in eight steps),
 * `4xA10G@timings.json` (measured, by size and batch).
 */
import {
  type DeviceTiming,
  deviceOfSeconds,
  deviceTimings,
  type SimulatedDevice,
  simulatedDevice,
} from '@imagemill/server/simulation';
import { optionError } from './cli-error.ts';
import { readTimings } from './timings-file.ts';

export interface DeviceGroup {
  readonly count: number;
  readonly device: Pick<DeviceTiming, 'name' | 'source' | 'note' | 'pricePerHour'>;
  readonly simulated: SimulatedDevice;
}

/** @throws CliError `option_invalid` naming the devices that are known; `timings_invalid` */
export function parseDevices(text: string): readonly DeviceGroup[] {
  return text.split('+').map((part) => {
    const [, count = '1', name = '', given] = /^(?:(\d{1,3})x)?([A-Za-z0-9][\w-]*)(?:@(.+))?$/.exec(part.trim()) ?? [];
    const known = deviceTimings.find((device) => device.name.toLowerCase() === name.toLowerCase());
    const seconds = Number(given);
    const isOutOfRange = Number.isFinite(seconds) && !isSeconds(given ?? '');
    if (name === '' || Number(count) < 1 || (known === undefined && given === undefined) || isOutOfRange) {
      const names = deviceTimings.map((device) => device.name).join(', ');
      const range = `seconds from ${LEAST_SECONDS} to ${MOST_SECONDS} for 1024² in 8 steps`;
      const expected = `like 4xA10G, 4xA10G@8 (${range}) or 4xA10G@timings.json; known are ${names}`;
      throw optionError('--devices', part, expected);
    }
    if (given !== undefined && !Number.isFinite(seconds)) {
      const { note, pricePerHour = known?.pricePerHour, simulated } = readTimings(given);
      const device = { name: known?.name ?? name, source: 'measured' as const, note, pricePerHour };
      return { count: Number(count), device, simulated };
    }
    const device = given === undefined ? known : deviceOfSeconds(known?.name ?? name, seconds, known);
    if (device === undefined) throw optionError('--devices', part, 'a known device');
    return { count: Number(count), device, simulated: simulatedDevice(device) };
  });
}

function isSeconds(text: string): boolean {
  return /^\d+(\.\d+)?$/.test(text) && Number(text) >= LEAST_SECONDS && Number(text) <= MOST_SECONDS;
}

const LEAST_SECONDS = 0.001;
const MOST_SECONDS = 100_000;
