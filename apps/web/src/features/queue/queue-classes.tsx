import type { QueueStatus } from '@imagemill/api';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { formatDuration, formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import styles from './queue-classes.module.css';

/** The three classes in numbers. */
export function QueueClasses({ queue }: { readonly queue: QueueStatus }): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const names = {
    interactive: t('queue.interactive'),
    standard: t('queue.standard'),
    bulk: t('queue.bulk'),
  } as const;
  return (
    <ul className={styles.classes}>
      {(['interactive', 'standard', 'bulk'] as const).map((name) => {
        const { queued, backingOff, running, predictedSeconds } = queue.classes[name];
        return (
          <li key={name} className={styles.class}>
            <h3 className={styles.name}>{names[name]}</h3>
            <p className={styles.numbers}>
              {t('queue.numbers', { running, queued: queued + backingOff })}
              {predictedSeconds > 0 && (
                <span className={styles.predicted}>
                  {t('queue.predicted', { time: formatDuration(language, predictedSeconds * 1_000) })}
                </span>
              )}
            </p>
          </li>
        );
      })}
      <li className={styles.class}>
        <h3 className={styles.name}>{t('queue.outOfAttempts')}</h3>
        <p className={styles.numbers}>{formatNumber(language, queue.deadLetters)}</p>
      </li>
    </ul>
  );
}
