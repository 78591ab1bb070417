import type { CSSProperties, ReactElement, ReactNode } from 'react';
import styles from './data-table.module.css';

interface DataTableProps {
  readonly label: string;
  readonly columns: readonly string[];
  readonly children: ReactNode;
  /** Said in place of rows. */
  readonly empty?: string | undefined;
}

/** A table; where the screen is narrow, each row is a card, and what is too wide still scrolls in its own frame. */
export function DataTable({ label, columns, children, empty }: DataTableProps): ReactElement {
  return (
    // A frame that scrolls can be reached with the keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the frame scrolls
    <section className={styles.frame} aria-label={label} tabIndex={0}>
      <table className={styles.table} style={namesOf(columns)}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
      {empty !== undefined && <p className={styles.empty}>{empty}</p>}
    </section>
  );
}

/** The names of the columns for the style sheet, which writes them before the values of a card. */
function namesOf(columns: readonly string[]): CSSProperties {
  return Object.fromEntries(columns.map((name, index) => [`--column-${index + 1}`, JSON.stringify(name)]));
}
