import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { StandbyFlags } from '../commands/standby.ts';
import { notEmpty } from '../option-values.ts';
import type { Done } from './done.ts';

/** `imagemill standby` and `imagemill standby drill` */
export function addStandby(program: Command, context: CommandContext, done: Done): void {
  const load = () => import('../commands/standby.ts');
  const standby = program
    .command('standby')
    .description('watch the active site, and make this one active when it is gone; docs/standby.md')
    .option('--report <file>', 'write what the switch took as JSON', notEmpty('--report', 'a file'))
    .action((flags: StandbyFlags) => done(load().then(({ watchSite }) => watchSite(flags, context))));
  standby
    .command('drill')
    .description('switch to this site now, on purpose, and tell what it took')
    .option('--report <file>', 'write what the switch took as JSON', notEmpty('--report', 'a file'))
    .action((_: unknown, command: Command) =>
      done(load().then(({ drill }) => drill(command.optsWithGlobals<StandbyFlags>(), context))),
    );
}
