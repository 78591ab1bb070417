import { Button } from '@mantine/core';
import { Component, type ReactElement, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './crash-screen.module.css';

/** Catches what breaks while the page is drawn; what was typed is in the browser's storage by then. */
export class CrashBoundary extends Component<{ readonly children: ReactNode }, { readonly hasCrashed: boolean }> {
  override state = { hasCrashed: false };

  static getDerivedStateFromError(): { hasCrashed: boolean } {
    return { hasCrashed: true };
  }

  override render(): ReactNode {
    return this.state.hasCrashed ? <CrashScreen /> : this.props.children;
  }
}

function CrashScreen(): ReactElement {
  const { t } = useTranslation();
  return (
    <main className={styles.screen} role="alert">
      <h1 className={styles.title}>{t('app.crashed')}</h1>
      <p>{t('app.crashedHelp')}</p>
      <Button onClick={() => globalThis.location.reload()}>{t('app.reload')}</Button>
    </main>
  );
}
