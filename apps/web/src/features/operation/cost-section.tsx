import type { BudgetStanding, CostFigures, Costs } from '@imagemill/api';
import type { ReactElement, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useBudget, useCosts } from '../../shared/api/costs.ts';
import { useCan } from '../../shared/api/session.ts';
import { formatDuration, formatMoney, formatNumber, formatPercent } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { DataTable } from '../../shared/ui/data-table.tsx';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { useNow } from '../../shared/ui/use-now.ts';
import styles from './cost-section.module.css';

/** What pictures cost: today, this month, by tenant and model, and how far the budget is used. */
export function CostSection(): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const isAll = useCan()('tenants:manage');
  const whose = isAll ? { tenant: '*' } : {};
  // Days of the server are those of UTC.
  const today = new Date(useNow(60_000)).toISOString().slice(0, 10);
  const day = useCosts({ ...whose, from: today, to: today, groupBy: ['model'] });
  const month = useCosts({ ...whose, groupBy: ['model'] });
  const budget = useBudget();
  const error = month.error ?? day.error ?? budget.error;
  const total = month.data?.total;
  const money = (amount: number): string => formatMoney(language, amount, month.data?.currency);
  return (
    <section className={styles.part}>
      <h3 className={styles.name}>{t('operation.costs')}</h3>
      {error !== null && <FaultAlert error={error} />}
      {total !== undefined && day.data !== undefined && (
        <dl className={styles.facts}>
          <Fact name={t('operation.costToday')} of={day.data.total}>
            {money(day.data.total.cost)}
          </Fact>
          <Fact name={t('operation.cost')} of={total}>
            {money(total.cost)}
          </Fact>
          <div className={styles.fact}>
            <dt>{t('operation.costPerPicture')}</dt>
            <dd>{total.costPerPicture === undefined ? '–' : money(total.costPerPicture)}</dd>
            {total.deviceSecondsPerPicture !== undefined && (
              <dd className={styles.small}>
                {t('operation.timePerPicture', {
                  time: formatDuration(language, total.deviceSecondsPerPicture * 1_000),
                })}
              </dd>
            )}
          </div>
          {budget.data !== undefined && <Budget budget={budget.data} />}
        </dl>
      )}
      {month.data !== undefined && month.data.currency === undefined && (
        <p className={styles.small}>{t('operation.noPrices')}</p>
      )}
      {month.data !== undefined && month.data.items.length > 0 && (
        <div className={styles.tables}>
          <CostTable costs={month.data} name={t('compose.model')} rows={byModel(month.data)} />
          {isAll && <TenantCosts />}
        </div>
      )}
    </section>
  );
}

function Fact(props: { readonly name: string; readonly of: CostFigures; readonly children: ReactNode }): ReactElement {
  const { t } = useTranslation();
  return (
    <div className={styles.fact}>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
      <dd className={styles.small}>{t('feed.pictures', { count: props.of.pictures })}</dd>
    </div>
  );
}

/** How far the budget of the month is used; nothing where there is none. */
function Budget({ budget }: { readonly budget: BudgetStanding }): ReactElement | null {
  const { t } = useTranslation();
  const language = useLanguage();
  const limit = budget.hard ?? budget.soft;
  if (limit === undefined) return null;
  const money = (amount: number): string => formatMoney(language, amount, budget.currency);
  const used = budget.spent + budget.reserved;
  return (
    <div className={styles.fact}>
      <dt>{t('operation.budget')}</dt>
      <dd>{formatPercent(language, limit === 0 ? 1 : used / limit)}</dd>
      <dd className={styles.small}>
        <progress
          className={styles.bar}
          data-state={budget.state}
          aria-label={t('operation.budget')}
          max={Math.max(limit, Number.MIN_VALUE)}
          value={Math.min(used, limit)}
        />
        {t('operation.budgetWords', { used: money(used), limit: money(limit) })}
        {budget.state === 'exhausted' && ` ${t('operation.budgetExhausted')}`}
      </dd>
    </div>
  );
}

interface CostRow extends CostFigures {
  readonly name: string;
}

/** Precisions of a model together. */
function byModel({ items }: Costs): readonly CostRow[] {
  return items.map((item) => ({ ...item, name: item.model ?? '' }));
}

/** Costs of the month by tenant, for who sees to all of them. */
function TenantCosts(): ReactElement | null {
  const { t } = useTranslation();
  const { data } = useCosts({ tenant: '*', groupBy: ['tenant'] });
  if (data === undefined || data.items.length < 2) return null;
  const rows = data.items.map((item) => ({ ...item, name: item.tenant ?? '' }));
  return <CostTable costs={data} name={t('administration.tenant')} rows={rows} />;
}

function CostTable(props: {
  readonly costs: Costs;
  readonly name: string;
  readonly rows: readonly CostRow[];
}): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const { costs, name, rows } = props;
  const money = (amount: number | undefined): string =>
    amount === undefined ? '–' : formatMoney(language, amount, costs.currency);
  const dearest = [...rows].sort((a, b) => b.cost - a.cost || b.pictures - a.pictures).slice(0, mostRows);
  return (
    <DataTable
      label={`${t('operation.costs')}: ${name}`}
      columns={[name, t('administration.pictures'), t('operation.costPerPicture'), t('operation.cost')]}
    >
      {dearest.map((row) => (
        <tr key={row.name}>
          <th scope="row">{row.name}</th>
          <td>{formatNumber(language, row.pictures)}</td>
          <td>{money(row.costPerPicture)}</td>
          <td>{money(row.cost)}</td>
        </tr>
      ))}
    </DataTable>
  );
}

/** The dearest; all of them are on the page of usage. */
const mostRows = 10;
