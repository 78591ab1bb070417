import type { QuotaChange, Quotas, Tenant } from '@imagemill/api';
import { exitCodes, optionError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { AdministrationFlags } from '../command-line/administration-options.ts';
import { formatTable } from '../terminal/format.ts';
import type { Output } from '../terminal/output.ts';
import { allPages, withAdministration } from './administration.ts';

/** `none` takes a limit away. */
type LimitFlags = { readonly [Name in keyof Quotas]?: number | 'none' };

export interface TenantFlags extends AdministrationFlags, LimitFlags {
  readonly name?: string;
  readonly weight?: number;
  readonly disable?: boolean;
  readonly enable?: boolean;
}

export function listTenants(flags: AdministrationFlags, context: CommandContext): Promise<number> {
  return withAdministration(flags, context, async (client) => {
    const tenants = await allPages((page) => client.listTenants(page));
    print(tenants, flags, context.output);
    return exitCodes.ok;
  });
}

export function createTenant(id: string, flags: TenantFlags, context: CommandContext): Promise<number> {
  const { name, weight } = flags;
  const set = Object.entries(limitsOf(flags)).filter(([, value]) => value !== null && value !== undefined);
  return withAdministration(flags, context, async (client) => {
    const made = await client.createTenant({ id, name, weight, limits: Object.fromEntries(set) as Quotas });
    print([made], flags, context.output);
    return exitCodes.ok;
  });
}

export function changeTenant(id: string, flags: TenantFlags, context: CommandContext): Promise<number> {
  const { name, weight, disable, enable } = flags;
  if (disable === true && enable === true) throw optionError('--enable', '--disable', 'one of the two');
  const disabled = disable === true ? true : enable === true ? false : undefined;
  return withAdministration(flags, context, async (client) => {
    const changed = await client.changeTenant(id, { name, weight, disabled, limits: limitsOf(flags) });
    print([changed], flags, context.output);
    return exitCodes.ok;
  });
}

function limitsOf(flags: TenantFlags): QuotaChange {
  const { picturesPerDay, picturesPerMonth, deviceSecondsPerMonth, maxRunning, maxOpen, requestsPerMinute } = flags;
  const given = { picturesPerDay, picturesPerMonth, deviceSecondsPerMonth, maxRunning, maxOpen, requestsPerMinute };
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value === 'none' ? null : value]));
}

function print(tenants: readonly Tenant[], { json }: AdministrationFlags, output: Output): void {
  if (json) for (const tenant of tenants) output.result(JSON.stringify(tenant));
  else output.result(formatTable(['ID', 'NAME', 'WEIGHT', 'STATE', 'LIMITS'], tenants.map(rowOf), ['WEIGHT']));
}

function rowOf({ id, name, weight, disabledAt, limits }: Tenant): readonly string[] {
  const words = Object.entries(limits).map(([limit, value]) => `${limit} ${value}`);
  return [id, name, String(weight), disabledAt === undefined ? 'active' : 'disabled', words.join(', ')];
}
