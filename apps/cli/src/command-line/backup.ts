import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { BackupFlags, RestoreFlags } from '../commands/backup.ts';
import { notEmpty, wholeNumber } from '../option-values.ts';
import type { Done } from './done.ts';

/** `imagemill backup` and `imagemill restore` */
export function addBackup(program: Command, context: CommandContext, done: Done, version: string): void {
  const load = () => import('../commands/backup.ts');
  program
    .command('backup')
    .description('copy records and pictures into a folder, also while the server works')
    .argument('<folder>', 'the backup folder; what it has already is not copied again')
    .option('--data-dir <folder>', 'folder of the records', notEmpty('--data-dir', 'a folder'))
    .option('--keep <n>', 'snapshots to keep (default: all)', wholeNumber('--keep', 1, 10_000))
    .option('--json', 'print one JSON line', false)
    .action((folder: string, flags: BackupFlags) =>
      done(load().then(({ takeBackup }) => takeBackup(folder, { ...flags, version }, context))),
    );
  program
    .command('restore')
    .description('bring a backup back into an empty data folder')
    .argument('<folder>', 'the backup folder')
    .option('--data-dir <folder>', 'the data folder to be', notEmpty('--data-dir', 'a folder'))
    .option('--snapshot <name>', 'which one (default: the newest)', notEmpty('--snapshot', 'a name'))
    .option('--json', 'print one JSON line', false)
    .action((folder: string, flags: RestoreFlags) =>
      done(load().then(({ restoreBackup }) => restoreBackup(folder, flags, context))),
    );
}
