import { roles } from '@imagemill/api';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { ChangeMemberFlags, CreateMemberFlags, MemberFlags } from '../commands/members.ts';
import { notEmpty, oneOf } from '../option-values.ts';
import { addAdministrationOptions } from './administration-options.ts';
import type { Done } from './done.ts';

/** `imagemill members …` */
export function addMembers(program: Command, context: CommandContext, done: Done): void {
  const load = () => import('../commands/members.ts');
  const tenant = ['--tenant <id>', 'whose people (default: default)', notEmpty('--tenant', 'a tenant')] as const;
  const members = program.command('members').description('list, add and change the people of a tenant');

  const list = members
    .command('list')
    .description('list the people of a tenant, newest first')
    .option(...tenant);
  addAdministrationOptions(list, 'print one JSON line a person').action((flags: MemberFlags) =>
    done(load().then(({ listMembers }) => listMembers(flags, context))),
  );

  const create = members
    .command('create')
    .description('add a person, who may sign in then')
    .argument('<email>', 'the address that their sign-in provider knows')
    .option(...tenant)
    .requiredOption('--role <role>', roles.join(', '), oneOf('--role', roles))
    .option('--name <text>', 'for people', notEmpty('--name', 'a name'));
  addAdministrationOptions(create, 'print one JSON line').action((email: string, flags: CreateMemberFlags) =>
    done(load().then(({ createMember }) => createMember(email, flags, context))),
  );

  const set = members
    .command('set')
    .description('change the name or role of a person, or disable them')
    .argument('<id>', 'which; "imagemill members list" shows it')
    .option(...tenant)
    .option('--role <role>', roles.join(', '), oneOf('--role', roles))
    .option('--name <text>', 'for people', notEmpty('--name', 'a name'))
    .option('--disable', 'refuse their keys and sessions at once')
    .option('--enable', 'take them again');
  addAdministrationOptions(set, 'print one JSON line').action((id: string, flags: ChangeMemberFlags) =>
    done(load().then(({ changeMember }) => changeMember(id, flags, context))),
  );
}
