import type { LabelChange, Labels, Tenant } from '@imagemill/api';
import { exitCodes, optionError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { AdministrationFlags } from '../command-line/administration-options.ts';
import { formatTable } from '../terminal/format.ts';
import type { Output } from '../terminal/output.ts';
import { allPages, withAdministration } from './administration.ts';
import { type LimitFlags, limitChangeOf, limitsOf } from './limit-flags.ts';

interface LabelFlags {
  readonly aiLabel?: 'on' | 'off' | 'none';
  readonly aiLabelProducer?: string;
  readonly visibleMark?: 'zh' | 'en' | 'off' | 'none';
  readonly visibleMarkCorner?: NonNullable<Labels['visibleMarkCorner']> | 'none';
  readonly visibleMarkPercent?: number | 'none';
}

export interface TenantFlags extends AdministrationFlags, LimitFlags, LabelFlags {
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
  return withAdministration(flags, context, async (client) => {
    const made = await client.createTenant({ id, name, weight, limits: limitsOf(flags), labels: labelsOf(flags) });
    print([made], flags, context.output);
    return exitCodes.ok;
  });
}

export function changeTenant(id: string, flags: TenantFlags, context: CommandContext): Promise<number> {
  const { name, weight, disable, enable } = flags;
  if (disable === true && enable === true) throw optionError('--enable', '--disable', 'one of the two');
  const labels = labelChangeOf(flags);
  const disabled = disable === true ? true : enable === true ? false : undefined;
  return withAdministration(flags, context, async (client) => {
    const changed = await client.changeTenant(id, { name, weight, disabled, limits: limitChangeOf(flags), labels });
    print([changed], flags, context.output);
    return exitCodes.ok;
  });
}

export function deleteTenant(id: string, flags: AdministrationFlags, context: CommandContext): Promise<number> {
  return withAdministration(flags, context, async (client) => {
    await client.deleteTenant(id);
    context.output.result(flags.json ? JSON.stringify({ id, deleted: true }) : `deleted ${id}`);
    return exitCodes.ok;
  });
}

/** Null takes a label back to what holds for all. */
function labelChangeOf(flags: LabelFlags): LabelChange {
  const { aiLabel, aiLabelProducer, visibleMark, visibleMarkCorner, visibleMarkPercent } = flags;
  return {
    aiLabel: aiLabel === undefined || aiLabel === 'none' ? orNull(aiLabel) : aiLabel === 'on',
    aiLabelProducer: orNull(aiLabelProducer),
    visibleMark: visibleMark === 'off' ? 'none' : orNull(visibleMark),
    visibleMarkCorner: orNull(visibleMarkCorner),
    visibleMarkPercent: orNull(visibleMarkPercent),
  };
}

function orNull<T>(value: T | 'none' | undefined): Exclude<T, 'none'> | null | undefined {
  return value === 'none' ? null : (value as Exclude<T, 'none'> | undefined);
}

function labelsOf(flags: LabelFlags): Labels {
  const set = Object.entries(labelChangeOf(flags)).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(set) as Labels;
}

function print(tenants: readonly Tenant[], { json }: AdministrationFlags, output: Output): void {
  if (json) for (const tenant of tenants) output.result(JSON.stringify(tenant));
  else
    output.result(formatTable(['ID', 'NAME', 'WEIGHT', 'STATE', 'LIMITS', 'LABELS'], tenants.map(rowOf), ['WEIGHT']));
}

function rowOf({ id, name, weight, disabledAt, limits, labels }: Tenant): readonly string[] {
  const words = (of: object): string =>
    Object.entries(of)
      .map((pair) => pair.join(' '))
      .join(', ');
  return [id, name, String(weight), disabledAt === undefined ? 'active' : 'disabled', words(limits), words(labels)];
}
