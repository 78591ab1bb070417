import { Loader } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { isSignedOut, useIsSessionEnded, useWhoami } from '../../shared/api/session.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { late } from '../../shared/ui/late.tsx';
import styles from './sign-in-gate.module.css';
import { SignedIn } from './signed-in.tsx';

const SignInPage = late(async () => (await import('./sign-in-page.tsx')).SignInPage);
const SignInDialog = late(async () => (await import('./sign-in-dialog.tsx')).SignInDialog, 'hidden');

/** Shows the page to whom the server knows, and asks everybody else to sign in. */
export function SignInGate({ children }: { readonly children: ReactNode }): ReactElement {
  const { t } = useTranslation();
  const who = useWhoami();
  const isEnded = useIsSessionEnded();
  const { pathname, search } = globalThis.location;
  if (who.data !== undefined && pathname === '/sign-in' && search === '?done') return <SignedIn />;
  if (who.data !== undefined) {
    return (
      <>
        {children}
        {isEnded && <SignInDialog />}
      </>
    );
  }
  if (who.error === null) {
    return (
      <main id="main">
        <Loader className={styles.loading ?? ''} aria-label={t('app.loading')} />
      </main>
    );
  }
  return (
    <>
      {!isSignedOut(who.error) && (
        <div className={styles.trouble}>
          <FaultAlert error={who.error} onRetry={() => void who.refetch()} />
        </div>
      )}
      <SignInPage />
    </>
  );
}
