import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import styles from './actions.module.css';

export interface Action {
  readonly words: string;
  /** For screen readers: what it is done to. */
  readonly label: string;
  readonly onClick: () => void;
}

/** What can be done with the thing of a row. */
export function Actions({ actions }: { readonly actions: readonly Action[] }): ReactElement {
  return (
    <div className={styles.actions}>
      {actions.map(({ words, label, onClick }) => (
        <Button key={words} size="compact-sm" variant="default" aria-label={label} onClick={onClick}>
          {words}
        </Button>
      ))}
    </div>
  );
}
