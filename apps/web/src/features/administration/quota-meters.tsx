import type { Quotas, Usage } from '@imagemill/api';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useTenants, useUsage } from '../../shared/api/administration.ts';
import { useWhoami } from '../../shared/api/session.ts';
import { formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { Section } from '../../shared/ui/section.tsx';
import styles from './quota-meters.module.css';
import { firstOfMonth, today } from './usage-days.ts';

interface QuotaMetersProps {
  readonly tenant: string | undefined;
  readonly isOfInstallation: boolean;
}

/** How much of a tenant's quotas is used. */
export function QuotaMeters({ tenant, isOfInstallation }: QuotaMetersProps): ReactElement | null {
  const { t } = useTranslation();
  const language = useLanguage();
  const { data: caller } = useWhoami();
  const tenants = useTenants(isOfInstallation && tenant !== undefined);
  const month = useUsage({ tenant, from: firstOfMonth(), to: today(), groupBy: ['day'] });
  const limits = tenant === undefined ? caller?.limits.tenant : tenants.data?.find(({ id }) => id === tenant)?.limits;
  const meters = metersOf(limits ?? {}, month.data);
  if (meters.length === 0) return null;
  return (
    <Section title={t('administration.quotasUsed')} help={t('administration.quotasUsedHelp')}>
      <ul className={styles.meters}>
        {meters.map(({ name, used, limit }) => (
          <li key={name} className={styles.meter}>
            <span className={styles.name}>{t(`administration.quotas.${name}`)}</span>
            <span>
              {t('administration.usedOf', { used: formatNumber(language, used), limit: formatNumber(language, limit) })}
            </span>
            <meter
              className={styles.bar}
              aria-label={t(`administration.quotas.${name}`)}
              max={limit}
              high={limit * 0.9}
              value={Math.min(used, limit)}
            />
          </li>
        ))}
      </ul>
    </Section>
  );
}

interface Meter {
  readonly name: 'picturesPerDay' | 'picturesPerMonth' | 'deviceSecondsPerMonth';
  readonly used: number;
  readonly limit: number;
}

function metersOf(limits: Quotas, month: Usage | undefined): readonly Meter[] {
  const items = month?.items ?? [];
  const used = {
    picturesPerDay: items.find(({ day }) => day === today())?.pictures ?? 0,
    picturesPerMonth: items.reduce((sum, { pictures }) => sum + pictures, 0),
    deviceSecondsPerMonth: Math.round(items.reduce((sum, { deviceSeconds }) => sum + deviceSeconds, 0)),
  };
  return (['picturesPerDay', 'picturesPerMonth', 'deviceSecondsPerMonth'] as const).flatMap((name) => {
    const limit = limits[name];
    return limit === undefined ? [] : [{ name, used: used[name], limit }];
  });
}
