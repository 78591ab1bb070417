import type { BulkRow } from '@imagemill/api';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './broken-lines.module.css';
import { useRowProblem } from './use-row-problem.ts';

interface BrokenLinesProps {
  readonly count: number;
  /** The first of them. */
  readonly rows: readonly Pick<BulkRow, 'line' | 'problem' | 'fault'>[];
  readonly isOpen?: boolean;
}

/** Lines of a file that cannot be drawn, by number, each with the reason. */
export function BrokenLines({ count, rows, isOpen = false }: BrokenLinesProps): ReactElement | null {
  const { t } = useTranslation();
  const problemOf = useRowProblem();
  if (count === 0) return null;
  return (
    <details className={styles.broken} open={isOpen}>
      <summary>{t('bulks.brokenLines', { count })}</summary>
      <ul className={styles.rows}>
        {rows.map((row) => (
          <li key={row.line}>
            <strong>{t('bulks.line', { line: row.line })}</strong> {problemOf(row)}
          </li>
        ))}
      </ul>
    </details>
  );
}
