import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './empty-state.module.css';
import { examples } from './examples.ts';

/** What the page shows before the first picture: prompts to start from, with what they lead to. */
export function EmptyState({ onExample }: { readonly onExample: (prompt: string) => void }): ReactElement {
  const { t } = useTranslation();
  return (
    <div className={styles.empty}>
      <h2 className={styles.title}>{t('feed.emptyTitle')}</h2>
      <p className={styles.help}>{t('feed.emptyHelp')}</p>
      <ul className={styles.examples}>
        {examples.map(({ prompt, language, picture }) => (
          <li key={prompt}>
            <button type="button" className={styles.example} onClick={() => onExample(prompt)}>
              <img src={picture} alt="" width={256} height={256} decoding="async" />
              <span lang={language}>{prompt}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
