/** `--devices`: `4xA10G`, `2xL40S+4xA10G`, `4xA10G@8` (seconds for a picture of 1024² in eight steps). */
import { type DeviceTiming, deviceOfSeconds, deviceTimings } from '@imagemill/server/simulation';
import { optionError } from './cli-error.ts';

export interface DeviceGroup {
  readonly count: number;
  readonly device: DeviceTiming;
}

/** @throws CliError `option_invalid` naming the devices that are known */
export function parseDevices(text: string): readonly DeviceGroup[] {
  return text.split('+').map((part) => {
    const [, count = '1', name = '', seconds] =
      /^(?:(\d{1,3})x)?([A-Za-z0-9][\w-]*)(?:@(\d+(?:\.\d+)?))?$/.exec(part.trim()) ?? [];
    const known = deviceTimings.find((device) => device.name.toLowerCase() === name.toLowerCase());
    const given = seconds === undefined ? undefined : Number(seconds);
    if (name === '' || Number(count) < 1 || given === 0 || (known === undefined && given === undefined)) {
      const names = deviceTimings.map((device) => device.name).join(', ');
      throw optionError(
        '--devices',
        part,
        `like 4xA10G or 4xA10G@8 (seconds for 1024² in 8 steps); known are ${names}`,
      );
    }
    const device = given === undefined ? known : deviceOfSeconds(known?.name ?? name, given, known);
    if (device === undefined) throw optionError('--devices', part, 'a known device');
    return { count: Number(count), device };
  });
}
