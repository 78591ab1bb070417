import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useSignInOptions } from '../../shared/api/session.ts';
import styles from './provider-button.module.css';

interface ProviderButtonProps {
  /** Path of the page to come back to. */
  readonly returnTo: string;
  /** In a tab of its own, so that this one stays as it is. */
  readonly isApart?: boolean;
}

/** Leads to the sign-in provider, where the server has one. */
export function ProviderButton({ returnTo, isApart = false }: ProviderButtonProps): ReactElement | null {
  const { t } = useTranslation();
  const { data } = useSignInOptions();
  const provider = data?.provider;
  if (provider === undefined) return null;
  return (
    <div className={styles.way}>
      <Button
        component="a"
        fullWidth
        href={`${provider.url}?returnTo=${encodeURIComponent(returnTo)}`}
        {...(isApart ? { target: '_blank' } : {})}
      >
        {t('signIn.with', { name: provider.name })}
      </Button>
      <p className={styles.or}>{t('signIn.or')}</p>
    </div>
  );
}
