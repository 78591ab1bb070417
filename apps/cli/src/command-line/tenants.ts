import { markCorners } from '@imagemill/api';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { TenantFlags } from '../commands/tenants.ts';
import { decimalNumber, notEmpty, oneOf } from '../option-values.ts';
import { type AdministrationFlags, addAdministrationOptions } from './administration-options.ts';
import type { Done } from './done.ts';
import { addLimitOptions } from './limit-options.ts';

/** `imagemill tenants …` */
export function addTenants(program: Command, context: CommandContext, done: Done): void {
  const load = () => import('../commands/tenants.ts');
  const tenants = program.command('tenants').description('list, make and change tenants');

  const list = tenants.command('list').description('list tenants by name');
  addAdministrationOptions(list, 'print one JSON line a tenant').action((flags: AdministrationFlags) =>
    done(load().then(({ listTenants }) => listTenants(flags, context))),
  );

  const create = addFields(tenants.command('create').description('make a tenant')).argument('<id>', 'its name in keys');
  addAdministrationOptions(create, 'print one JSON line').action((id: string, flags: TenantFlags) =>
    done(load().then(({ createTenant }) => createTenant(id, flags, context))),
  );

  const set = addFields(tenants.command('set').description('change a tenant; "none" takes a limit or label away'))
    .argument('<id>', 'which')
    .option('--disable', 'refuse its keys and members; its data stays')
    .option('--enable', 'take them again');
  addAdministrationOptions(set, 'print one JSON line').action((id: string, flags: TenantFlags) =>
    done(load().then(({ changeTenant }) => changeTenant(id, flags, context))),
  );

  const remove = tenants
    .command('delete')
    .description('delete a disabled tenant without records')
    .argument('<id>', 'which');
  addAdministrationOptions(remove, 'print one JSON line').action((id: string, flags: AdministrationFlags) =>
    done(load().then(({ deleteTenant }) => deleteTenant(id, flags, context))),
  );
}

function addFields(command: Command): Command {
  const labels = (option: string) => ['none', ...option.split('|')] as const;
  return addLimitOptions(
    command
      .option('--name <text>', 'for people', notEmpty('--name', 'a name'))
      .option('--weight <n>', 'share of the device while tenants compete', decimalNumber('--weight', 0.01, 1_000)),
  )
    .option('--ai-label <on|off>', 'the implicit label in files', oneOf('--ai-label', labels('on|off')))
    .option('--ai-label-producer <text>', 'who produces, as the label says', notEmpty('--ai-label-producer', 'a name'))
    .option('--visible-mark <language>', 'zh, en or off', oneOf('--visible-mark', labels('zh|en|off')))
    .option(
      '--visible-mark-corner <corner>',
      markCorners.join(', '),
      oneOf('--visible-mark-corner', ['none', ...markCorners]),
    )
    .option('--visible-mark-percent <n>', 'height of its letters, 5 to 25', percentOrNone);
}

function percentOrNone(text: string): number | 'none' {
  return text === 'none' ? text : decimalNumber('--visible-mark-percent', 5, 25)(text);
}
