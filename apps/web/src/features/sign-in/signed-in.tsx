import { type ReactElement, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './signed-in.module.css';

/** The end of a sign-in in a tab of its own: the other tabs are told. */
export function SignedIn(): ReactElement {
  const { t } = useTranslation();
  useEffect(() => {
    const channel = new BroadcastChannel('imagemill.session');
    channel.postMessage('signed-in');
    return () => channel.close();
  }, []);
  return (
    <main id="main" className={styles.words} role="status">
      <h2 className={styles.title}>{t('signIn.done')}</h2>
      <p>{t('signIn.doneHelp')}</p>
    </main>
  );
}
