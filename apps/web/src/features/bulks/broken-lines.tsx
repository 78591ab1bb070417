import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './broken-lines.module.css';

interface BrokenLinesProps {
  readonly count: number;
  /** The first of them. */
  readonly rows: readonly { readonly line: number; readonly problem?: string | undefined }[];
  readonly isOpen?: boolean;
}

/** Lines of a file that cannot be drawn, by number, each with the reason. */
export function BrokenLines({ count, rows, isOpen = false }: BrokenLinesProps): ReactElement | null {
  const { t } = useTranslation();
  if (count === 0) return null;
  return (
    <details className={styles.broken} open={isOpen}>
      <summary>{t('bulks.brokenLines', { count })}</summary>
      <ul className={styles.rows}>
        {rows.map(({ line, problem }) => (
          <li key={line}>
            <strong>{t('bulks.line', { line })}</strong> {problem}
          </li>
        ))}
      </ul>
    </details>
  );
}
