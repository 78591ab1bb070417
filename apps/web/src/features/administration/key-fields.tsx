import type { Permission } from '@imagemill/api';
import { permissions } from '@imagemill/api/rights';
import { TextInput } from '@mantine/core';
import { type ReactElement, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './key-fields.module.css';
import type { KeyTexts } from './key-texts.ts';
import { RoleField } from './member-dialog.tsx';
import { QuotaFields } from './quota-fields.tsx';

interface KeyFieldsProps {
  readonly texts: KeyTexts;
  readonly onChange: (texts: KeyTexts) => void;
  /** Stands behind the rights. */
  readonly children?: ReactNode;
}

/** What a key is called, what it may do, until when, and how much. */
export function KeyFields({ texts, onChange, children }: KeyFieldsProps): ReactElement {
  const { t } = useTranslation();
  return (
    <>
      <TextInput
        label={t('administration.name')}
        description={t('administration.keyNameHelp')}
        maxLength={200}
        value={texts.name}
        onChange={({ currentTarget }) => onChange({ ...texts, name: currentTarget.value })}
      />
      <RoleField role={texts.role} onChange={(role) => onChange({ ...texts, role })} />
      <ScopeField scopes={texts.scopes} onChange={(scopes) => onChange({ ...texts, scopes })} />
      {children}
      <TextInput
        type="date"
        label={t('administration.lastDay')}
        description={t('administration.lastDayHelp')}
        value={texts.lastDay}
        onChange={({ currentTarget }) => onChange({ ...texts, lastDay: currentTarget.value })}
      />
      <QuotaFields texts={texts.limits} onChange={(limits) => onChange({ ...texts, limits })} />
    </>
  );
}

interface ScopeFieldProps {
  readonly scopes: readonly Permission[];
  readonly onChange: (scopes: readonly Permission[]) => void;
}

function ScopeField({ scopes, onChange }: ScopeFieldProps): ReactElement {
  const { t } = useTranslation();
  const [isOpen] = useState(scopes.length > 0);
  const toggle = (scope: Permission): void =>
    onChange(scopes.includes(scope) ? scopes.filter((one) => one !== scope) : [...scopes, scope]);
  return (
    <details open={isOpen}>
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
  );
}
