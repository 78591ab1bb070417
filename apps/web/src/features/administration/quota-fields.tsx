import type { Quotas } from '@imagemill/api';
import { TextInput } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './quota-fields.module.css';
import { type QuotaTexts, quotaNames } from './quotas.ts';

interface QuotaFieldsProps {
  readonly texts: QuotaTexts;
  readonly onChange: (texts: QuotaTexts) => void;
}

/** Limits as fields; an empty one sets none. */
export function QuotaFields({ texts, onChange }: QuotaFieldsProps): ReactElement {
  const { t } = useTranslation();
  return (
    <fieldset className={styles.fields}>
      <legend className={styles.legend}>{t('administration.limits')}</legend>
      <p className={styles.help}>{t('administration.limitsHelp')}</p>
      {quotaNames.map((name) => (
        <TextInput
          key={name}
          label={t(`administration.quotas.${name}`)}
          inputMode="numeric"
          maxLength={10}
          placeholder={t('administration.noLimit')}
          value={texts[name] ?? ''}
          onChange={({ currentTarget }) => onChange({ ...texts, [name]: currentTarget.value.replaceAll(/\D/g, '') })}
        />
      ))}
    </fieldset>
  );
}

/** The limits of somebody in words, one a line. */
export function QuotaWords({ limits }: { readonly limits: Quotas }): ReactElement {
  const { t } = useTranslation();
  const set = quotaNames.filter((name) => limits[name] !== undefined);
  if (set.length === 0) return <>{t('administration.noLimit')}</>;
  return (
    <ul className={styles.words}>
      {set.map((name) => (
        <li key={name}>
          {t('administration.quota', { name: t(`administration.quotas.${name}`), value: limits[name] ?? 0 })}
        </li>
      ))}
    </ul>
  );
}
