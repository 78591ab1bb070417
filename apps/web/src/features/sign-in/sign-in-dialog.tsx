import { type ReactElement, useEffect, useEffectEvent, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useSessionCheck } from '../../shared/api/session.ts';
import { ProviderButton } from './provider-button.tsx';
import styles from './sign-in-dialog.module.css';
import { SignInForm } from './sign-in-form.tsx';

/** Asks again when the session ended in the middle of the work. The page stays under it as it is, with what was typed. */
export function SignInDialog(): ReactElement {
  const { t } = useTranslation();
  const dialog = useRef<HTMLDialogElement>(null);
  const check = useEffectEvent(useSessionCheck());
  useEffect(() => {
    dialog.current?.showModal();
    // The answer that ended the session may have been on its way while a new one began, here or in another tab.
    void check();
    const look = (): void => void check();
    const channel = new BroadcastChannel('imagemill.session');
    channel.addEventListener('message', look);
    globalThis.addEventListener('focus', look);
    return () => {
      channel.close();
      globalThis.removeEventListener('focus', look);
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-labelledby="session-ended"
      onCancel={(event) => event.preventDefault()}
    >
      <h2 id="session-ended" className={styles.title}>
        {t('signIn.ended')}
      </h2>
      <p className={styles.words}>{t('signIn.endedHelp')}</p>
      <ProviderButton returnTo="/sign-in?done" isApart />
      <SignInForm />
    </dialog>
  );
}
