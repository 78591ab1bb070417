import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { CalibrateFlags } from '../commands/calibrate.ts';
import { deviceName, notEmpty, oneOf, wholeNumber } from '../option-values.ts';
import type { Done } from './done.ts';

/** `imagemill calibrate` */
export function addCalibrate(program: Command, context: CommandContext, done: Done): void {
  program
    .command('calibrate')
    .description('measure how many pictures the device moves at once with profit; a server does so quickly by itself')
    .option(
      '--model <name|folder>',
      'installed model or folder of one; MODEL_PATH (default: the first installed)',
      notEmpty('--model', 'a name or folder'),
    )
    .option(
      '--data-dir <folder>',
      'data folder of the server that shall use it; IMAGEMILL_DATA_DIR (default: ./data)',
      notEmpty('--data-dir', 'a folder'),
    )
    .option('--device <device>', 'cpu, webgpu or cuda:0; IMAGEMILL_DEVICE (default: cpu)', deviceName('--device'))
    .option(
      '--precision <name>',
      'mapped, packed, fp16 or w8a8; IMAGEMILL_WEIGHTS (default: as a server would choose)',
      oneOf('--precision', ['mapped', 'packed', 'fp16', 'w8a8']),
    )
    .option(
      '--slots <n>',
      'pictures at once; IMAGEMILL_SLOTS (default: 4); batches of 8 or as many are tried',
      wholeNumber('--slots', 1, 64),
    )
    .option(
      '--threads <n>',
      "of the CPU; 0 is the runtime's choice; IMAGEMILL_THREADS (default: 0)",
      wholeNumber('--threads', 0, 1024),
    )
    .option('--json', 'print one JSON line', false)
    .action((flags: CalibrateFlags) =>
      done(import('../commands/calibrate.ts').then(({ calibrate }) => calibrate(flags, context))),
    );
}
