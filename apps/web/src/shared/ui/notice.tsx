import type { Notice as ServerNotice } from '@imagemill/api';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useKnownFaults } from '../i18n/use-known-faults.ts';
import styles from './notice.module.css';

/** What the server says of a device, a model or an adapter, in the reader's language where its code is known. */
export function Notice({ notice }: { readonly notice: ServerNotice }): ReactElement {
  const { t, i18n } = useTranslation();
  const isFault = useKnownFaults();
  const { code, message, details = {} } = notice;
  if (i18n.exists(`notices.whole.${code}`, details)) {
    return <p className={styles.words}>{t(`notices.whole.${code as 'cancelled'}`, details)}</p>;
  }
  const isShort = i18n.exists(`notices.short.${code}`);
  // A code of a newer server is told in its own words.
  if (!isShort && !isFault(code)) {
    return (
      <p className={styles.words} lang="en">
        {message}
      </p>
    );
  }
  return (
    <div className={styles.words}>
      <p>{isShort ? t(`notices.short.${code as 'out_of_memory'}`) : t(`errors.${code as 'internal_error'}.what`)}</p>
      <details>
        <summary>{t('notices.inServersWords')}</summary>
        <p lang="en">{message}</p>
      </details>
    </div>
  );
}
