import type { Usage, UsageGroup, UsageItem } from '@imagemill/api';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useUsage } from '../../shared/api/administration.ts';
import { client } from '../../shared/api/client.ts';
import { formatDay, formatDuration, formatMoney, formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { BarChart } from '../../shared/ui/bar-chart.tsx';
import { DataTable } from '../../shared/ui/data-table.tsx';
import { useMessages } from '../../shared/ui/live-region.tsx';
import { saveFile } from '../../shared/ui/save-file.ts';
import { Section } from '../../shared/ui/section.tsx';
import { PricesForm } from './prices-form.tsx';
import { QuotaMeters } from './quota-meters.tsx';
import { byDay, firstOfMonth, today } from './usage-days.ts';
import styles from './usage-section.module.css';

interface UsageSectionProps {
  readonly tenant: string | undefined;
  /** Whether the reader sees to other tenants too. */
  readonly isOfInstallation: boolean;
}

/** What was used: by day as a chart, and by tenant, key, model or size in numbers. */
export function UsageSection({ tenant, isOfInstallation }: UsageSectionProps): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const { notify } = useMessages();
  const [from, setFrom] = useState(firstOfMonth());
  const [to, setTo] = useState(today());
  const [isAll, setIsAll] = useState(false);
  const [group, setGroup] = useState<UsageGroup>('day');
  const whose = { tenant: isAll ? '*' : tenant, ...(from === '' ? {} : { from }), ...(to === '' ? {} : { to }) };
  const days = useUsage({ ...whose, groupBy: ['day'] });
  const groups = useUsage({ ...whose, groupBy: [group] });
  const counts = byDay(days.data);
  const total = counts.reduce((sum, { pictures }) => sum + pictures, 0);
  const download = async (): Promise<void> => {
    try {
      const csv = await client.getUsageCsv({ ...whose, groupBy: ['tenant', 'day', 'key', 'model', 'size'] });
      saveFile(new Blob([csv], { type: 'text/csv' }), `usage-${from}-${to}.csv`);
    } catch {
      notify(t('viewer.downloadFailed'));
    }
  };
  return (
    <>
      <QuotaMeters tenant={tenant} isOfInstallation={isOfInstallation} />
      <Section
        title={t('administration.usage')}
        isLoading={groups.isPending}
        error={groups.error ?? days.error}
        onRetry={() => void groups.refetch()}
        action={
          <Button variant="default" onClick={() => void download()}>
            {t('administration.csv')}
          </Button>
        }
      >
        <search className={styles.filter}>
          <TextInput
            type="date"
            label={t('gallery.since')}
            value={from}
            onChange={({ currentTarget }) => setFrom(currentTarget.value)}
          />
          <TextInput
            type="date"
            label={t('gallery.until')}
            value={to}
            onChange={({ currentTarget }) => setTo(currentTarget.value)}
          />
          <NativeSelect
            label={t('administration.groupBy')}
            value={group}
            data={(['day', 'tenant', 'key', 'model', 'size'] as const).map((value) => ({
              value,
              label: t(`administration.groups.${value}`),
            }))}
            onChange={({ currentTarget }) => setGroup(currentTarget.value as UsageGroup)}
          />
          {isOfInstallation && (
            <label className={styles.all}>
              <input type="checkbox" checked={isAll} onChange={() => setIsAll(!isAll)} />
              {t('administration.allTenants')}
            </label>
          )}
        </search>
        <BarChart
          label={t('administration.usageWords', { count: total, days: counts.length })}
          bars={counts.map(({ day, pictures }) => ({ name: formatDay(language, day), value: pictures }))}
        />
        {groups.data !== undefined && <UsageTable usage={groups.data} group={group} />}
      </Section>
      {isOfInstallation && <PricesForm />}
    </>
  );
}

function UsageTable({ usage, group }: { readonly usage: Usage; readonly group: UsageGroup }): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  return (
    <DataTable
      label={t('administration.usage')}
      columns={[
        t(`administration.groups.${group}`),
        t('administration.requests'),
        t('administration.pictures'),
        t('administration.failed'),
        t('administration.deviceTime'),
        t('administration.cost'),
      ]}
      empty={usage.items.length === 0 ? t('administration.noUsage') : undefined}
    >
      {usage.items.map((item) => (
        <tr key={String(item[group])}>
          <th scope="row">{nameOf(item, group, language) || t('administration.withoutKey')}</th>
          <td>{formatNumber(language, item.requests)}</td>
          <td>{formatNumber(language, item.pictures)}</td>
          <td>{formatNumber(language, item.failed)}</td>
          <td>{formatDuration(language, item.deviceSeconds * 1_000)}</td>
          <td>{formatMoney(language, item.cost, usage.currency)}</td>
        </tr>
      ))}
    </DataTable>
  );
}

function nameOf(item: UsageItem, group: UsageGroup, language: string): string {
  const name = String(item[group] ?? '');
  return group === 'day' ? formatDay(language, name) : name;
}
