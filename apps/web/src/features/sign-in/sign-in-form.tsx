import { Button, TextInput } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { isSignedOut, useSignIn } from '../../shared/api/session.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import styles from './sign-in-form.module.css';

/** Takes an API key. The server answers with a cookie that no script reads; the key itself is kept nowhere. */
export function SignInForm(): ReactElement {
  const { t } = useTranslation();
  const signIn = useSignIn();
  const [key, setKey] = useState('');
  const [isMissing, setIsMissing] = useState(false);
  const isRefused = isSignedOut(signIn.error);
  const problem = isMissing ? t('signIn.keyMissing') : isRefused ? t('signIn.keyRefused') : undefined;
  const send = (): void => {
    const text = key.trim();
    setIsMissing(text === '');
    if (text !== '' && !signIn.isPending) signIn.mutate(text);
  };
  return (
    <form
      className={styles.form}
      aria-label={t('signIn.title')}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <TextInput
        type="password"
        label={t('signIn.key')}
        description={t('signIn.keyHelp')}
        placeholder="im_…"
        autoComplete="current-password"
        spellCheck={false}
        maxLength={200}
        data-autofocus
        autoFocus
        value={key}
        error={problem}
        onChange={({ currentTarget }) => setKey(currentTarget.value)}
      />
      {signIn.error !== null && !isRefused && <FaultAlert error={signIn.error} onRetry={send} />}
      <Button type="submit" fullWidth data-sending={signIn.isPending || undefined}>
        {signIn.isPending ? t('signIn.checking') : t('signIn.signIn')}
      </Button>
    </form>
  );
}
