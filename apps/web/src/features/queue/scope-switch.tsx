import { SegmentedControl } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useTenants } from '../../shared/api/administration.ts';
import type { QueueScope } from '../../shared/api/queue.ts';
import { useCan } from '../../shared/api/session.ts';

interface ScopeSwitchProps {
  readonly scope: QueueScope;
  readonly onChange: (scope: QueueScope) => void;
}

/** Whose part of the queue is shown; that of all tenants is for who sees to them, where there are several. */
export function ScopeSwitch({ scope, onChange }: ScopeSwitchProps): ReactElement {
  const { t } = useTranslation();
  const tenants = useTenants(useCan()('tenants:manage'));
  const hasSeveral = (tenants.data?.length ?? 0) > 1 || scope === 'all';
  return (
    <SegmentedControl
      size="xs"
      aria-label={t('queue.whose')}
      value={scope}
      data={[
        { value: 'mine', label: t('queue.mine') },
        { value: 'tenant', label: hasSeveral ? t('queue.ofMyTenant') : t('queue.all') },
        ...(hasSeveral ? [{ value: 'all', label: t('queue.ofAllTenants') }] : []),
      ]}
      onChange={(value) => onChange(value as QueueScope)}
    />
  );
}
