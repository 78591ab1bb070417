import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useUsage } from '../../shared/api/administration.ts';
import { useCan } from '../../shared/api/session.ts';
import { formatMoney } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';

/** What pictures cost this month, over all tenants for who sees to them. */
export function CostFact({ className }: { readonly className: string | undefined }): ReactElement | null {
  const can = useCan();
  return can('usage:read') ? <Cost className={className} isAll={can('tenants:manage')} /> : null;
}

function Cost({
  className,
  isAll,
}: {
  readonly className: string | undefined;
  readonly isAll: boolean;
}): ReactElement | null {
  const { t } = useTranslation();
  const language = useLanguage();
  const { data } = useUsage({ groupBy: ['day'], ...(isAll ? { tenant: '*' } : {}) });
  if (data?.currency === undefined) return null;
  const cost = data.items.reduce((sum, item) => sum + item.cost, 0);
  return (
    <div className={className}>
      <dt>{t('operation.cost')}</dt>
      <dd>{formatMoney(language, cost, data.currency)}</dd>
    </div>
  );
}
