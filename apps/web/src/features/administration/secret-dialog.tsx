import type { IssuedKey } from '@imagemill/api';
import { Button } from '@mantine/core';
import { type ReactElement, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../../shared/ui/dialog.tsx';
import { CopyIcon } from '../../shared/ui/icons.tsx';
import { useMessages } from '../../shared/ui/live-region.tsx';
import styles from './secret-dialog.module.css';

/** The text of a new key, this once. */
export function SecretDialog({
  issued,
  onClose,
}: {
  readonly issued: IssuedKey;
  readonly onClose: () => void;
}): ReactElement {
  const { t } = useTranslation();
  const { notify } = useMessages();
  const text = useRef<HTMLElement>(null);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(issued.secret);
      notify(t('viewer.copied'));
    } catch {
      // No clipboard without HTTPS or localhost, or the reader said no: the text is chosen for their own keys.
      if (text.current !== null) globalThis.getSelection()?.selectAllChildren(text.current);
      notify(t('viewer.copyRefused'));
    }
  };
  return (
    <Dialog title={t('administration.secretOf', { name: issued.key.name })} onClose={onClose}>
      <p>{t('administration.secretHelp')}</p>
      <code ref={text} className={styles.secret}>
        {issued.secret}
      </code>
      <Button leftSection={<CopyIcon size={16} />} onClick={() => void copy()}>
        {t('administration.copyKey')}
      </Button>
    </Dialog>
  );
}
