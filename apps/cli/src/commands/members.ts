import type { Member, Role } from '@imagemill/api';
import { exitCodes, optionError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { AdministrationFlags } from '../command-line/administration-options.ts';
import { formatTable } from '../terminal/format.ts';
import type { Output } from '../terminal/output.ts';
import { allPages, withAdministration } from './administration.ts';

export interface MemberFlags extends AdministrationFlags {
  readonly tenant?: string;
}

export interface CreateMemberFlags extends MemberFlags {
  readonly role: Role;
  readonly name?: string;
}

export interface ChangeMemberFlags extends MemberFlags {
  readonly role?: Role;
  readonly name?: string;
  readonly disable?: boolean;
  readonly enable?: boolean;
}

export function listMembers(flags: MemberFlags, context: CommandContext): Promise<number> {
  return withAdministration(flags, context, async (client) => {
    const members = await allPages((page) => client.listMembers({ ...page, tenant: flags.tenant }));
    if (members.length === 0 && !flags.json)
      context.output.note('There is nobody. "imagemill members create" adds one.');
    else print(members, flags, context.output);
    return exitCodes.ok;
  });
}

export function createMember(email: string, flags: CreateMemberFlags, context: CommandContext): Promise<number> {
  const { role, name, tenant: tenantId } = flags;
  return withAdministration(flags, context, async (client) => {
    print([await client.createMember({ email, name, role, tenantId })], flags, context.output);
    return exitCodes.ok;
  });
}

export function changeMember(id: string, flags: ChangeMemberFlags, context: CommandContext): Promise<number> {
  const { role, name, disable, enable, tenant } = flags;
  if (disable === true && enable === true) throw optionError('--enable', '--disable', 'one of the two');
  const disabled = disable === true ? true : enable === true ? false : undefined;
  return withAdministration(flags, context, async (client) => {
    print([await client.changeMember(id, { role, name, disabled }, { tenant })], flags, context.output);
    return exitCodes.ok;
  });
}

function print(members: readonly Member[], { json }: AdministrationFlags, output: Output): void {
  if (json) for (const member of members) output.result(JSON.stringify(member));
  else output.result(formatTable(['ID', 'E-MAIL', 'NAME', 'ROLE', 'STATE', 'LAST SEEN'], members.map(rowOf)));
}

function rowOf({ id, email, name, role, disabledAt, lastSeenAt }: Member): readonly string[] {
  return [id, email, name, role, disabledAt === undefined ? 'active' : 'disabled', lastSeenAt ?? 'never'];
}
