import { NativeSelect } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './column-table.module.css';
import { type ColumnRole, type ColumnRoles, columnRoles } from './columns.ts';

interface ColumnTableProps {
  readonly columns: readonly string[];
  readonly roles: ColumnRoles;
  readonly onChange: (roles: ColumnRoles) => void;
}

/** What each column of the file is taken for. */
export function ColumnTable({ columns, roles, onChange }: ColumnTableProps): ReactElement {
  const { t } = useTranslation();
  const assign = (column: string, role: string): void => {
    const others = Object.entries(roles).filter(([name, taken]) => name !== column && taken !== role);
    onChange(Object.fromEntries(role === '' ? others : [...others, [column, role as ColumnRole]]));
  };
  return (
    <fieldset className={styles.table}>
      <legend className={styles.legend}>{t('bulks.columns')}</legend>
      {columns.map((column) => (
        <NativeSelect
          key={column}
          label={column}
          value={roles[column] ?? ''}
          data={[
            { value: '', label: t('bulks.asVariable') },
            ...columnRoles.map((role) => ({ value: role, label: t(`fields.${role}`) })),
          ]}
          onChange={({ currentTarget }) => assign(column, currentTarget.value)}
        />
      ))}
    </fieldset>
  );
}
