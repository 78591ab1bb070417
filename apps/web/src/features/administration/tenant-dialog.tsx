import type { Tenant } from '@imagemill/api';
import { TextInput } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useAdminister } from '../../shared/api/administration.ts';
import { client } from '../../shared/api/client.ts';
import { FormDialog } from '../../shared/ui/form-dialog.tsx';
import { QuotaFields } from './quota-fields.tsx';
import { changeOf, limitsOf, textsOf } from './quotas.ts';

interface TenantDialogProps {
  /** Undefined makes a new one. */
  readonly tenant?: Tenant;
  readonly onClose: () => void;
}

/** Makes a tenant, or changes its name, its share and its limits. */
export function TenantDialog({ tenant, onClose }: TenantDialogProps): ReactElement {
  const { t } = useTranslation();
  const [id, setId] = useState('');
  const [name, setName] = useState(tenant?.name ?? '');
  const [weight, setWeight] = useState(String(tenant?.weight ?? 1));
  const [limits, setLimits] = useState(textsOf(tenant?.limits ?? {}));
  const save = useAdminister(() => {
    const facts = { ...(name.trim() === '' ? {} : { name: name.trim() }), weight: Number(weight.replace(',', '.')) };
    return tenant === undefined
      ? client.createTenant({ id: id.trim(), ...facts, limits: limitsOf(limits) })
      : client.changeTenant(tenant.id, { ...facts, limits: changeOf(limits) });
  });
  return (
    <FormDialog
      title={tenant === undefined ? t('administration.newTenant') : t('administration.changeOf', { name: tenant.id })}
      action={tenant === undefined ? t('administration.create') : t('administration.save')}
      error={save.error}
      isSending={save.isPending}
      isDisabled={tenant === undefined && id.trim() === ''}
      onSend={() => save.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      {tenant === undefined && (
        <TextInput
          label={t('administration.id')}
          description={t('administration.tenantIdHelp')}
          maxLength={63}
          spellCheck={false}
          value={id}
          onChange={({ currentTarget }) => setId(currentTarget.value)}
        />
      )}
      <TextInput
        label={t('administration.name')}
        maxLength={200}
        value={name}
        onChange={({ currentTarget }) => setName(currentTarget.value)}
      />
      <TextInput
        label={t('administration.weight')}
        description={t('administration.weightHelp')}
        inputMode="decimal"
        maxLength={8}
        value={weight}
        onChange={({ currentTarget }) => setWeight(currentTarget.value)}
      />
      <QuotaFields texts={limits} onChange={setLimits} />
    </FormDialog>
  );
}
