import { type ReactElement, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../shared/ui/icon-button.tsx';
import { CloseIcon } from '../shared/ui/icons.tsx';
import styles from './shortcut-sheet.module.css';

/** The keys of the page. */
export function ShortcutSheet({ onClose }: { readonly onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const keys = [
    ['Ctrl / ⌘ + Enter', t('shortcuts.draw')],
    ['Esc', t('shortcuts.cancel')],
    ['Alt + ↑ ↓', t('shortcuts.history')],
    ['← →', t('shortcuts.neighbours')],
    ['.', t('shortcuts.star')],
    ['S', t('shortcuts.seed')],
    ['P', t('shortcuts.prompt')],
    ['A', t('shortcuts.all')],
    ['R', t('shortcuts.remix')],
    ['?', t('shortcuts.sheet')],
  ] as const;
  return (
    <dialog ref={dialog} className={styles.sheet} aria-label={t('shortcuts.title')} closedby="any" onClose={onClose}>
      <div className={styles.head}>
        <h2 className={styles.title}>{t('shortcuts.title')}</h2>
        <IconButton label={t('viewer.close')} onClick={() => dialog.current?.close()}>
          <CloseIcon />
        </IconButton>
      </div>
      <dl className={styles.keys}>
        {keys.map(([key, words]) => (
          <div key={key} className={styles.row}>
            <dt>
              <kbd className={styles.key}>{key}</kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
}
