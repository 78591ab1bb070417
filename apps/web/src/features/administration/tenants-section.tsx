import type { Tenant } from '@imagemill/api';
import { Button } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useAdminister, useTenants } from '../../shared/api/administration.ts';
import { client } from '../../shared/api/client.ts';
import { formatDateTime, formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { DataTable } from '../../shared/ui/data-table.tsx';
import { FormDialog } from '../../shared/ui/form-dialog.tsx';
import { Section } from '../../shared/ui/section.tsx';
import { StateBadge } from '../../shared/ui/state-badge.tsx';
import { type Action, Actions } from './actions.tsx';
import { QuotaWords } from './quota-fields.tsx';
import { TenantDialog } from './tenant-dialog.tsx';

type Open = { readonly kind: 'new' } | { readonly kind: 'change' | 'disable' | 'delete'; readonly tenant: Tenant };

/** Owners of data: made, limited, disabled. */
export function TenantsSection(): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const tenants = useTenants(true);
  const enable = useAdminister((id: string) => client.changeTenant(id, { disabled: false }));
  const [open, setOpen] = useState<Open>();
  const actionsOf = (tenant: Tenant): readonly Action[] => {
    const { id } = tenant;
    const change = { words: t('administration.change'), label: t('administration.changeOf', { name: id }) };
    const disable = { words: t('administration.disable'), label: t('administration.disableOf', { name: id }) };
    const enableIt = { words: t('administration.enable'), label: t('administration.enableOf', { name: id }) };
    const remove = { words: t('administration.delete'), label: t('administration.deleteOf', { name: id }) };
    const isOwn = id === 'default';
    const isDisabled = tenant.disabledAt !== undefined;
    return [
      { ...change, onClick: () => setOpen({ kind: 'change', tenant }) },
      ...(isOwn || isDisabled ? [] : [{ ...disable, onClick: () => setOpen({ kind: 'disable', tenant }) }]),
      ...(isDisabled ? [{ ...enableIt, onClick: () => enable.mutate(id) }] : []),
      ...(isDisabled ? [{ ...remove, onClick: () => setOpen({ kind: 'delete', tenant }) }] : []),
    ];
  };
  return (
    <Section
      title={t('administration.tenants')}
      help={t('administration.tenantsHelp')}
      isLoading={tenants.isPending}
      error={tenants.error ?? enable.error}
      onRetry={() => void tenants.refetch()}
      action={<Button onClick={() => setOpen({ kind: 'new' })}>{t('administration.newTenant')}</Button>}
    >
      <DataTable
        label={t('administration.tenants')}
        columns={[
          t('administration.id'),
          t('administration.name'),
          t('administration.state'),
          t('administration.weight'),
          t('administration.limits'),
          t('administration.created'),
          t('administration.actions'),
        ]}
      >
        {tenants.data?.map((tenant) => (
          <tr key={tenant.id}>
            <th scope="row">{tenant.id}</th>
            <td>{tenant.name}</td>
            <td>
              <StateBadge
                tone={tenant.disabledAt === undefined ? 'good' : 'danger'}
                words={tenant.disabledAt === undefined ? t('administration.active') : t('administration.disabled')}
              />
            </td>
            <td>{formatNumber(language, tenant.weight)}</td>
            <td>
              <QuotaWords limits={tenant.limits} />
            </td>
            <td>{formatDateTime(language, tenant.createdAt)}</td>
            <td>
              <Actions actions={actionsOf(tenant)} />
            </td>
          </tr>
        ))}
      </DataTable>
      {open?.kind === 'new' && <TenantDialog onClose={() => setOpen(undefined)} />}
      {open?.kind === 'change' && <TenantDialog tenant={open.tenant} onClose={() => setOpen(undefined)} />}
      {open?.kind === 'disable' && <DisableDialog tenant={open.tenant} onClose={() => setOpen(undefined)} />}
      {open?.kind === 'delete' && <DeleteDialog tenant={open.tenant} onClose={() => setOpen(undefined)} />}
    </Section>
  );
}

interface OneTenantProps {
  readonly tenant: Tenant;
  readonly onClose: () => void;
}

function DisableDialog({ tenant, onClose }: OneTenantProps): ReactElement {
  const { t } = useTranslation();
  const disable = useAdminister(() => client.changeTenant(tenant.id, { disabled: true }));
  return (
    <FormDialog
      title={t('administration.disableOf', { name: tenant.id })}
      action={t('administration.disable')}
      isDangerous
      error={disable.error}
      isSending={disable.isPending}
      onSend={() => disable.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>{t('administration.disableTenantHelp')}</p>
    </FormDialog>
  );
}

function DeleteDialog({ tenant, onClose }: OneTenantProps): ReactElement {
  const { t } = useTranslation();
  const remove = useAdminister(() => client.deleteTenant(tenant.id));
  return (
    <FormDialog
      title={t('administration.deleteOf', { name: tenant.id })}
      action={t('administration.delete')}
      isDangerous
      error={remove.error}
      isSending={remove.isPending}
      onSend={() => remove.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>{t('administration.deleteTenantHelp')}</p>
    </FormDialog>
  );
}
