import type { Command } from 'commander';
import { limitOrNone } from '../option-values.ts';

/** Limits of a tenant or a key. */
export function addLimitOptions(command: Command): Command {
  const limit = (option: string) => limitOrNone(option.split(' ')[0] ?? '');
  return command
    .option('--pictures-per-day <n>', 'pictures a day (UTC)', limit('--pictures-per-day'))
    .option('--pictures-per-month <n>', 'pictures a month (UTC)', limit('--pictures-per-month'))
    .option('--device-seconds-per-month <n>', 'device time a month', limit('--device-seconds-per-month'))
    .option('--max-running <n>', 'pictures under way at once', limit('--max-running'))
    .option('--max-open <n>', 'pictures waiting or under way', limit('--max-open'))
    .option('--requests-per-minute <n>', 'requests a minute', limit('--requests-per-minute'));
}
