import type { ReactElement } from 'react';
import styles from './state-badge.module.css';

export type Tone = 'good' | 'quiet' | 'warning' | 'danger';

/** A state in a word, with a colour that says the same. */
export function StateBadge({ tone, words }: { readonly tone: Tone; readonly words: string }): ReactElement {
  return (
    <span className={styles.badge} data-tone={tone}>
      {words}
    </span>
  );
}
