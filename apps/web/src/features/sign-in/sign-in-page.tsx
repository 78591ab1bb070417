import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { pages } from '../../shared/navigation/pages.ts';
import { Problem } from './problem.tsx';
import { ProviderButton } from './provider-button.tsx';
import { SignInForm } from './sign-in-form.tsx';
import styles from './sign-in-page.module.css';

/** All there is for somebody whom the server does not know yet. */
export function SignInPage(): ReactElement {
  const { t } = useTranslation();
  const { pathname, search } = globalThis.location;
  const isPlace = pathname !== '/sign-in';
  return (
    <main id="main" tabIndex={-1} className={styles.page}>
      <section className={styles.panel}>
        <h2 className={styles.title}>{t('signIn.title')}</h2>
        <p className={styles.words}>{t('signIn.why')}</p>
        <Problem code={new URLSearchParams(search).get('problem')} />
        <ProviderButton returnTo={isPlace ? pathname : pages.generate} />
        <SignInForm />
      </section>
    </main>
  );
}
