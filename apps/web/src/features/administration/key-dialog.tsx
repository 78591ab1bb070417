import type { IssuedKey, Permission, Role } from '@imagemill/api';
import { permissions } from '@imagemill/api/rights';
import { NativeSelect, TextInput } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useAdminister, useMembers } from '../../shared/api/administration.ts';
import { client } from '../../shared/api/client.ts';
import { useCan } from '../../shared/api/session.ts';
import { FormDialog } from '../../shared/ui/form-dialog.tsx';
import styles from './key-dialog.module.css';
import { RoleField } from './member-dialog.tsx';
import { QuotaFields } from './quota-fields.tsx';
import { keyQuotas, limitsOf, type QuotaTexts } from './quotas.ts';

interface KeyDialogProps {
  readonly tenant: string | undefined;
  readonly onIssued: (issued: IssuedKey) => void;
  readonly onClose: () => void;
}

/** Makes a key: what it may do, for whom, until when, and how much. */
export function KeyDialog({ tenant, onIssued, onClose }: KeyDialogProps): ReactElement {
  const { t } = useTranslation();
  const members = useMembers(tenant, useCan()('members:manage'));
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('member');
  const [scopes, setScopes] = useState<readonly Permission[]>([]);
  const [memberId, setMemberId] = useState('');
  const [lastDay, setLastDay] = useState('');
  const [limits, setLimits] = useState<QuotaTexts>({});
  const create = useAdminister(() =>
    client.createKey({
      name: name.trim(),
      role,
      limits: limitsOf(limits),
      ...(scopes.length === 0 ? {} : { scopes }),
      ...(memberId === '' ? {} : { memberId }),
      ...(lastDay === '' ? {} : { expiresAt: endOf(lastDay) }),
      ...(tenant === undefined ? {} : { tenantId: tenant }),
    }),
  );
  const toggle = (scope: Permission): void =>
    setScopes(scopes.includes(scope) ? scopes.filter((one) => one !== scope) : [...scopes, scope]);
  return (
    <FormDialog
      title={t('administration.newKey')}
      action={t('administration.create')}
      error={create.error}
      isSending={create.isPending}
      isDisabled={name.trim() === ''}
      onSend={() => create.mutate(undefined, { onSuccess: onIssued })}
      onClose={onClose}
    >
      <TextInput
        label={t('administration.name')}
        description={t('administration.keyNameHelp')}
        maxLength={200}
        value={name}
        onChange={({ currentTarget }) => setName(currentTarget.value)}
      />
      <RoleField role={role} onChange={setRole} />
      <details>
        <summary>{t('administration.scopes')}</summary>
        <p className={styles.help}>{t('administration.scopesHelp')}</p>
        <fieldset className={styles.scopes} aria-label={t('administration.scopes')}>
          {permissions.map((scope) => (
            <label key={scope} className={styles.scope}>
              <input type="checkbox" checked={scopes.includes(scope)} onChange={() => toggle(scope)} />
              <code>{scope}</code>
            </label>
          ))}
        </fieldset>
      </details>
      {members.data !== undefined && members.data.length > 0 && (
        <NativeSelect
          label={t('administration.ofMember')}
          value={memberId}
          data={[
            { value: '', label: t('administration.ofNobody') },
            ...members.data.map(({ id, email }) => ({ value: id, label: email })),
          ]}
          onChange={({ currentTarget }) => setMemberId(currentTarget.value)}
        />
      )}
      <TextInput
        type="date"
        label={t('administration.lastDay')}
        description={t('administration.lastDayHelp')}
        value={lastDay}
        onChange={({ currentTarget }) => setLastDay(currentTarget.value)}
      />
      <QuotaFields names={keyQuotas} texts={limits} onChange={setLimits} />
    </FormDialog>
  );
}

/** The midnight at the end of a day where the reader is. */
function endOf(day: string): string {
  const midnight = new Date(`${day}T00:00`);
  midnight.setDate(midnight.getDate() + 1);
  return midnight.toISOString();
}
