import type { AuditRecord, UsageGroup } from '@imagemill/api';
import { exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { AdministrationFlags } from '../command-line/administration-options.ts';
import { formatTable } from '../terminal/format.ts';
import { allPages, withAdministration } from './administration.ts';

export interface UsageFlags extends AdministrationFlags {
  readonly tenant?: string;
  readonly from?: string;
  readonly to?: string;
  readonly groupBy: readonly UsageGroup[];
  readonly csv: boolean;
}

export interface AuditFlags extends AdministrationFlags {
  readonly tenant?: string;
  readonly action?: string;
  readonly limit: number;
}

export function printUsage(flags: UsageFlags, context: CommandContext): Promise<number> {
  const { output } = context;
  const { tenant = '*', from, to, groupBy, csv, json } = flags;
  return withAdministration(flags, context, async (client) => {
    const query = { tenant, from, to, groupBy };
    if (csv) {
      output.result((await client.getUsageCsv(query)).trimEnd());
      return exitCodes.ok;
    }
    const { items, currency = '' } = await client.getUsage(query);
    if (json) for (const item of items) output.result(JSON.stringify(item));
    else {
      const numbers = ['REQUESTS', 'PICTURES', 'FAILED', 'DEVICE S', `COST ${currency}`.trim()];
      const rows = items.map((item) => [
        ...groupBy.map((group) => item[group] ?? ''),
        ...[item.requests, item.pictures, item.failed, item.deviceSeconds.toFixed(1), item.cost.toFixed(2)].map(String),
      ]);
      output.result(formatTable([...groupBy.map((group) => group.toUpperCase()), ...numbers], rows, numbers));
    }
    return exitCodes.ok;
  });
}

export function printAudit(flags: AuditFlags, context: CommandContext): Promise<number> {
  const { output } = context;
  const { tenant, action, limit, json } = flags;
  return withAdministration(flags, context, async (client) => {
    const records = await allPages((page) => client.listAudit({ ...page, tenant, action }), limit);
    if (json) for (const record of records) output.result(JSON.stringify(record));
    else output.result(formatTable(['WHEN', 'WHO', 'FROM', 'WHAT', 'OF', 'TIMES'], records.map(rowOf), ['TIMES']));
    return exitCodes.ok;
  });
}

function rowOf({ at, actor, address, action, target, count }: AuditRecord): readonly string[] {
  return [at, actor.name, address ?? '', action, target, String(count)];
}
