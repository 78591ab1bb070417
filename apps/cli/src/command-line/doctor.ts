import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { DoctorFlags } from '../commands/doctor.ts';
import { httpAddress, notEmpty, wholeNumber } from '../option-values.ts';
import type { Done } from './done.ts';

/** `imagemill doctor` */
export function addDoctor(program: Command, context: CommandContext, done: Done): void {
  program
    .command('doctor')
    .description('look for known faults of this machine, or of a server, and say what to do')
    .option('--server <url>', 'a server to look at instead; its key IMAGEMILL_KEY', httpAddress('--server'))
    .option(
      '--data-dir <folder>',
      'data folder; IMAGEMILL_DATA_DIR (default: ./data)',
      notEmpty('--data-dir', 'a folder'),
    )
    .option('--models-dir <folder>', 'installed models; IMAGEMILL_MODELS_DIR', notEmpty('--models-dir', 'a folder'))
    .option('--model <name|folder>', 'a model to look at too; MODEL_PATH', notEmpty('--model', 'a name or folder'))
    .option('--device <device>', 'device to test; IMAGEMILL_DEVICE (default: cpu)', notEmpty('--device', 'a device'))
    .option('--host <address>', 'address a server would listen on; IMAGEMILL_HOST', notEmpty('--host', 'an address'))
    .option('--port <n>', 'port a server would listen on; IMAGEMILL_PORT', wholeNumber('--port', 0, 65_535))
    .option('--verify', 'hash every file of every model', false)
    .option('--json', 'print one JSON line a check', false)
    .action((flags: DoctorFlags) =>
      done(import('../commands/doctor.ts').then(({ examine }) => examine(flags, context))),
    );
}
