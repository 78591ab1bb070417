import { costGroups } from '@imagemill/api';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { BudgetFlags, CostFlags, PriceFlags } from '../commands/cost.ts';
import { amountOrNone, decimalNumber, notEmpty, someOf } from '../option-values.ts';
import { addAdministrationOptions } from './administration-options.ts';
import type { Done } from './done.ts';

/** `imagemill cost …` */
export function addCost(program: Command, context: CommandContext, done: Done): void {
  const load = () => import('../commands/cost.ts');
  const cost = program.command('cost').description('what pictures cost, prices and budgets');

  const report = cost
    .command('report')
    .description('print what pictures cost, beside a hosted API')
    .option('--tenant <id|*>', 'whose (default: all)', notEmpty('--tenant', 'a tenant'))
    .option('--from <day>', 'first day, e.g. 2026-11-01 (default: the first of the month)', notEmpty('--from', 'a day'))
    .option('--to <day>', 'last day (default: today)', notEmpty('--to', 'a day'))
    .option('--group-by <list>', costGroups.join(', '), someOf('--group-by', costGroups), [
      'model',
      'precision',
      'size',
    ])
    .option('--devices <n>', 'devices that were paid for all the time', decimalNumber('--devices', 0, 100_000))
    .option('--csv', 'print CSV', false);
  addAdministrationOptions(report, 'print one JSON line').action((flags: CostFlags) =>
    done(load().then(({ printCosts }) => printCosts(flags, context))),
  );

  const money = (option: string) => decimalNumber(option, 0, 1_000_000);
  const prices = cost
    .command('prices')
    .description('print prices, or set them from now on')
    .option('--currency <code>', 'ISO 4217, e.g. CNY', notEmpty('--currency', 'a currency'))
    .option('--device-per-hour <amount>', 'of a device for an hour', money('--device-per-hour'))
    .option('--device-per-month <amount>', 'of a device for a month of 730 hours', money('--device-per-month'))
    .option('--per-picture <amount>', 'of a picture, beside its device time', money('--per-picture'))
    .option('--hosted-per-picture <amount>', 'of a hosted API, to compare with', money('--hosted-per-picture'));
  addAdministrationOptions(prices, 'print one JSON line').action((flags: PriceFlags) =>
    done(load().then(({ showPrices }) => showPrices(flags, context))),
  );

  const budget = cost
    .command('budget')
    .description('print how a tenant stands this month, or set its budget')
    .argument('[tenant]', 'which tenant (default: default)')
    .option('--soft <amount>', 'tell of it once a month from here on; none takes it away', amountOrNone('--soft'))
    .option('--hard <amount>', 'accept nothing beyond; none takes it away', amountOrNone('--hard'));
  addAdministrationOptions(budget, 'print one JSON line').action((tenant: string | undefined, flags: BudgetFlags) =>
    done(load().then(({ showBudget }) => showBudget(tenant, flags, context))),
  );
}
