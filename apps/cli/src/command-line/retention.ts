import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { RetentionFlags } from '../commands/retention.ts';
import { limitOrNone } from '../option-values.ts';
import { addAdministrationOptions } from './administration-options.ts';
import type { Done } from './done.ts';

/** `imagemill retention` */
export function addRetention(program: Command, context: CommandContext, done: Done): void {
  const retention = program
    .command('retention')
    .description('print how long pictures and records of a tenant are kept, or set it')
    .argument('[tenant]', 'which tenant (default: default)')
    .option(
      '--pictures-days <n>',
      'remove pictures after so many days; none keeps them',
      limitOrNone('--pictures-days'),
    )
    .option('--records-days <n>', 'remove records after so many days; none keeps them', limitOrNone('--records-days'))
    .option('--keep-starred', 'keep pictures with a star')
    .option('--no-keep-starred', 'remove pictures with a star too');
  addAdministrationOptions(retention, 'print one JSON line').action(
    (tenant: string | undefined, flags: RetentionFlags) =>
      done(import('../commands/retention.ts').then(({ showRetention }) => showRetention(tenant, flags, context))),
  );
}
