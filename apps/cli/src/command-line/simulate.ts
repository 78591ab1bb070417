import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { SimulateFlags } from '../commands/simulate.ts';
import { parseDevices } from '../devices-option.ts';
import { decimalNumber, notEmpty, wholeNumber } from '../option-values.ts';
import type { Done } from './done.ts';

/** `imagemill simulate` */
export function addSimulate(program: Command, context: CommandContext, done: Done): void {
  program
    .command('simulate')
    .description('replay a day of requests through the real scheduling policy in virtual time')
    .requiredOption(
      '--trace <file>',
      'CSV file with minute,pictures[,width,height,steps,priority,tenant]',
      notEmpty('--trace', 'a file name'),
    )
    .requiredOption('--devices <devices>', 'like 4xA10G, 2xL40S+4xA10G or 4xA10G@8', parseDevices)
    .option('--width <px>', 'of pictures whose line names none', wholeNumber('--width', 16, 16_384), 1024)
    .option('--height <px>', 'of pictures whose line names none', wholeNumber('--height', 16, 16_384), 1024)
    .option('--steps <n>', 'of pictures whose line names none', wholeNumber('--steps', 1, 100), 8)
    .option('--slots <n>', 'pictures under way at once on a device', wholeNumber('--slots', 1, 64))
    .option('--batch-tokens <n>', 'tokens of one model call', wholeNumber('--batch-tokens', 1, 1_000_000), 4_608)
    .option('--failures <share>', 'share of attempts that fail', decimalNumber('--failures', 0, 1), 0)
    .option('--max-attempts <n>', 'after which a picture is given up', wholeNumber('--max-attempts', 1, 100), 4)
    .option('--price <amount>', 'of one device for an hour', decimalNumber('--price', 0, 1_000_000))
    .option('--window <hours>', 'length of the windows of the table', decimalNumber('--window', 0.1, 168), 6)
    .option(
      '--target-p95 <seconds>',
      'find how many of the device keep every window below',
      decimalNumber('--target-p95', 0.001, 1_000_000),
    )
    .option('--seed <n>', 'of arrivals and failures', wholeNumber('--seed', 0, 2 ** 32 - 1), 1)
    .option('--json', 'print one JSON line a window', false)
    .action((flags: SimulateFlags) =>
      done(import('../commands/simulate.ts').then(({ simulate }) => simulate(flags, context))),
    );
}
