import { usageGroups } from '@imagemill/api';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { AuditFlags, UsageFlags } from '../commands/reports.ts';
import { notEmpty, someOf, wholeNumber } from '../option-values.ts';
import { addAdministrationOptions } from './administration-options.ts';
import type { Done } from './done.ts';

/** `imagemill usage` and `imagemill audit` */
export function addReports(program: Command, context: CommandContext, done: Done): void {
  const load = () => import('../commands/reports.ts');

  const usage = program
    .command('usage')
    .description('print what was used: requests, pictures, device time, money')
    .option('--tenant <id|*>', 'whose (default: all)', notEmpty('--tenant', 'a tenant'))
    .option('--from <day>', 'first day, e.g. 2026-11-01 (default: the first of the month)', notEmpty('--from', 'a day'))
    .option('--to <day>', 'last day (default: today)', notEmpty('--to', 'a day'))
    .option('--group-by <list>', usageGroups.join(', '), someOf('--group-by', usageGroups), ['tenant', 'day'])
    .option('--csv', 'print CSV', false);
  addAdministrationOptions(usage, 'print one JSON line a group').action((flags: UsageFlags) =>
    done(load().then(({ printUsage }) => printUsage(flags, context))),
  );

  const audit = program
    .command('audit')
    .description('print who changed what, newest first')
    .option('--tenant <id>', 'whose affairs (default: default)', notEmpty('--tenant', 'a tenant'))
    .option('--action <name>', 'only acts of this name, e.g. key.created', notEmpty('--action', 'a name'))
    .option('--limit <n>', 'lines', wholeNumber('--limit', 1, 100_000), 50);
  addAdministrationOptions(audit, 'print one JSON line an act').action((flags: AuditFlags) =>
    done(load().then(({ printAudit }) => printAudit(flags, context))),
  );
}
