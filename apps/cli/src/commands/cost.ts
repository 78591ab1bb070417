import type { CostGroup, CostItem } from '@imagemill/api';
import { exitCodes, optionError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { AdministrationFlags } from '../command-line/administration-options.ts';
import { formatTable } from '../terminal/format.ts';
import { withAdministration } from './administration.ts';

export interface CostFlags extends AdministrationFlags {
  readonly tenant?: string;
  readonly from?: string;
  readonly to?: string;
  readonly groupBy: readonly CostGroup[];
  readonly devices?: number;
  readonly csv: boolean;
}

export interface PriceFlags extends AdministrationFlags {
  readonly currency?: string;
  readonly devicePerHour?: number;
  readonly devicePerMonth?: number;
  readonly perPicture?: number;
  readonly hostedPerPicture?: number;
}

export interface BudgetFlags extends AdministrationFlags {
  readonly soft?: number | 'none';
  readonly hard?: number | 'none';
}

export function printCosts(flags: CostFlags, context: CommandContext): Promise<number> {
  const { output } = context;
  const { tenant = '*', from, to, groupBy, devices, csv, json } = flags;
  return withAdministration(flags, context, async (client) => {
    const query = { tenant, from, to, groupBy, devices };
    if (csv) {
      output.result((await client.getCostsCsv(query)).trimEnd());
      return exitCodes.ok;
    }
    const costs = await client.getCosts(query);
    if (json) {
      output.result(JSON.stringify(costs));
      return exitCodes.ok;
    }
    const { items, total, standing, currency = 'no prices are set' } = costs;
    const numbers = ['PICTURES', 'REJECTED', 'FAILED', 'DEVICE S', 'COST', 'EACH', 'HOSTED'];
    const rows = [...items, { ...total, ...(groupBy[0] === undefined ? {} : { [groupBy[0]]: 'total' }) }];
    const lines = rows.map((item) => [...groupBy.map((group) => (item as CostItem)[group] ?? ''), ...cells(item)]);
    output.result(`${costs.from} to ${costs.to}, ${currency}`);
    output.result(formatTable([...groupBy.map((group) => group.toUpperCase()), ...numbers], lines, numbers));
    if (standing !== undefined) {
      const each = standing.costPerPicture === undefined ? '' : `, ${money(standing.costPerPicture)} a picture`;
      output.result(`${devices} devices, busy or not: ${money(standing.cost)}${each}`);
    }
    return exitCodes.ok;
  });
}

function cells(item: CostItem): readonly string[] {
  const { pictures, rejected, failed, deviceSeconds, cost, costPerPicture, hostedCost } = item;
  const counts = [pictures, rejected, failed].map(String);
  return [...counts, deviceSeconds.toFixed(1), money(cost), money(costPerPicture), money(hostedCost)];
}

function money(amount: number | undefined): string {
  return amount === undefined ? '' : amount.toFixed(4);
}

/** Sets what is named and leaves the rest as it is. */
export function showPrices(flags: PriceFlags, context: CommandContext): Promise<number> {
  const { currency, devicePerHour, devicePerMonth, perPicture, hostedPerPicture, json } = flags;
  if (devicePerHour !== undefined && devicePerMonth !== undefined) {
    throw optionError('--device-per-month', devicePerMonth, 'one of --device-per-hour and --device-per-month');
  }
  const perDeviceSecond =
    devicePerHour === undefined
      ? devicePerMonth && devicePerMonth / (HOURS_A_MONTH * SECONDS_AN_HOUR)
      : devicePerHour / SECONDS_AN_HOUR;
  const given = { currency, perDeviceSecond, perPicture, hostedPerPicture };
  const isChange = Object.values(given).some((value) => value !== undefined);
  return withAdministration(flags, context, async (client) => {
    let { prices } = await client.getPrices();
    if (isChange) {
      const code = currency ?? prices?.currency;
      if (code === undefined) throw optionError('--currency', '', 'a currency, since none is set yet');
      const set = {
        currency: code,
        perDeviceSecond: perDeviceSecond ?? prices?.perDeviceSecond ?? 0,
        perPicture: perPicture ?? prices?.perPicture ?? 0,
        hostedPerPicture: hostedPerPicture ?? prices?.hostedPerPicture,
      };
      ({ prices } = await client.setPrices(set));
    }
    const { output } = context;
    if (json) output.result(JSON.stringify(prices ?? {}));
    else if (prices === undefined) output.result('no prices are set');
    else {
      const hour = prices.perDeviceSecond * SECONDS_AN_HOUR;
      const hosted = prices.hostedPerPicture === undefined ? '' : `; a hosted API ${prices.hostedPerPicture}`;
      const own = `${money(hour)} a device hour, ${prices.perPicture} a picture`;
      output.result(`${prices.currency}: ${own}${hosted}`);
    }
    return exitCodes.ok;
  });
}

export function showBudget(tenant: string | undefined, flags: BudgetFlags, context: CommandContext): Promise<number> {
  const { soft, hard, json } = flags;
  const of = tenant === undefined ? {} : { tenant };
  return withAdministration(flags, context, async (client) => {
    const before = await client.getBudget(of);
    const next = (given: number | 'none' | undefined, old: number | undefined): number | undefined =>
      given === undefined ? old : given === 'none' ? undefined : given;
    const isChange = soft !== undefined || hard !== undefined;
    const budget = { soft: next(soft, before.soft), hard: next(hard, before.hard) };
    const standing = isChange ? await client.setBudget(budget, of) : before;
    const { month, currency = '', spent, reserved, state } = standing;
    if (json) context.output.result(JSON.stringify(standing));
    else {
      const limits = `soft ${standing.soft ?? 'none'}, hard ${standing.hard ?? 'none'}`;
      const used = `spent ${money(spent)}, reserved ${money(reserved)}`;
      context.output.result(`${month} ${currency}: ${used}; ${limits}: ${state.replace('_', ' ')}`);
    }
    return exitCodes.ok;
  });
}

const SECONDS_AN_HOUR = 3_600;
/** Of a mean month. */
const HOURS_A_MONTH = 730;
