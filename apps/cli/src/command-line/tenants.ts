import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { TenantFlags } from '../commands/tenants.ts';
import { decimalNumber, limitOrNone, notEmpty } from '../option-values.ts';
import { type AdministrationFlags, addAdministrationOptions } from './administration-options.ts';
import type { Done } from './done.ts';

/** `imagemill tenants …` */
export function addTenants(program: Command, context: CommandContext, done: Done): void {
  const load = () => import('../commands/tenants.ts');
  const tenants = program.command('tenants').description('list, make and change tenants');

  const list = tenants.command('list').description('list tenants by name');
  addAdministrationOptions(list, 'print one JSON line a tenant').action((flags: AdministrationFlags) =>
    done(load().then(({ listTenants }) => listTenants(flags, context))),
  );

  const create = addLimits(tenants.command('create').description('make a tenant')).argument('<id>', 'its name in keys');
  addAdministrationOptions(create, 'print one JSON line').action((id: string, flags: TenantFlags) =>
    done(load().then(({ createTenant }) => createTenant(id, flags, context))),
  );

  const set = addLimits(tenants.command('set').description('change a tenant; "none" takes a limit away'))
    .argument('<id>', 'which')
    .option('--disable', 'refuse its keys and members; its data stays')
    .option('--enable', 'take them again');
  addAdministrationOptions(set, 'print one JSON line').action((id: string, flags: TenantFlags) =>
    done(load().then(({ changeTenant }) => changeTenant(id, flags, context))),
  );
}

function addLimits(command: Command): Command {
  const limit = (option: string) => limitOrNone(option.split(' ')[0] ?? '');
  return command
    .option('--name <text>', 'for people', notEmpty('--name', 'a name'))
    .option('--weight <n>', 'share of the device while tenants compete', decimalNumber('--weight', 0.01, 1_000))
    .option('--pictures-per-day <n>', 'pictures a day (UTC)', limit('--pictures-per-day'))
    .option('--pictures-per-month <n>', 'pictures a month (UTC)', limit('--pictures-per-month'))
    .option('--device-seconds-per-month <n>', 'device time a month', limit('--device-seconds-per-month'))
    .option('--max-running <n>', 'pictures under way at once', limit('--max-running'))
    .option('--max-open <n>', 'pictures waiting or under way', limit('--max-open'))
    .option('--requests-per-minute <n>', 'requests a minute', limit('--requests-per-minute'));
}
