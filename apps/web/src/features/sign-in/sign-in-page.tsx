import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { SignInForm } from './sign-in-form.tsx';
import styles from './sign-in-page.module.css';

/** All there is for somebody whom the server does not know yet. */
export function SignInPage(): ReactElement {
  const { t } = useTranslation();
  return (
    <main id="main" tabIndex={-1} className={styles.page}>
      <section className={styles.panel}>
        <h2 className={styles.title}>{t('signIn.title')}</h2>
        <p className={styles.words}>{t('signIn.why')}</p>
        <SignInForm />
      </section>
    </main>
  );
}
