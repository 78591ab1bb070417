import { ActionIcon, Button } from '@mantine/core';
import { type ReactElement, useId } from 'react';
import { useTranslation } from 'react-i18next';
import { useSignOut, useWhoami } from '../shared/api/session.ts';
import { FaultAlert } from '../shared/ui/fault-alert.tsx';
import { PersonIcon } from '../shared/ui/icons.tsx';
import styles from './account.module.css';

/** Who is signed in, and the way out. */
export function Account(): ReactElement | null {
  const { t } = useTranslation();
  const id = useId();
  const { data: caller } = useWhoami();
  const signOut = useSignOut();
  if (caller === undefined) return null;
  // Whoever is on the machine of the server has not signed in.
  const isSignedIn = caller.keyId !== undefined || caller.memberId !== undefined;
  const name = isSignedIn ? caller.name : t('account.thisMachine');
  return (
    <>
      <ActionIcon
        type="button"
        variant="subtle"
        color="gray"
        size={36}
        aria-label={t('account.open', { name })}
        popoverTarget={id}
      >
        <PersonIcon />
      </ActionIcon>
      <section id={id} popover="auto" className={styles.panel} aria-label={t('account.title')}>
        <p className={styles.name}>{name}</p>
        <dl className={styles.facts}>
          <dt>{t('account.role')}</dt>
          <dd>{t(`roles.${caller.role}`)}</dd>
          <dt>{t('account.tenant')}</dt>
          <dd>{caller.tenantId}</dd>
          {caller.keyId !== undefined && (
            <>
              <dt>{t('account.key')}</dt>
              <dd>{caller.keyId}</dd>
            </>
          )}
        </dl>
        {signOut.error !== null && <FaultAlert error={signOut.error} onDismiss={signOut.reset} />}
        {isSignedIn ? (
          <Button variant="default" fullWidth onClick={() => signOut.mutate()}>
            {t('account.signOut')}
          </Button>
        ) : (
          <p className={styles.words}>{t('account.noKeyNeeded')}</p>
        )}
      </section>
    </>
  );
}
