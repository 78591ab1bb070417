import type { BulkRow } from '@imagemill/api';
import { useTranslation } from 'react-i18next';
import { useKnownFaults } from '../../shared/i18n/use-known-faults.ts';

/** Says in the reader's language why a row cannot be drawn; in the server's words where it has no others. */
export function useRowProblem(): (row: Pick<BulkRow, 'problem' | 'fault'>) => string {
  const { t, i18n } = useTranslation();
  const isKnown = useKnownFaults();
  const nameOf = (field: string): string => {
    const key = `fields.${field}`;
    return i18n.exists(key) ? t(key as 'fields.prompt') : field;
  };
  return ({ problem = '', fault }) => {
    if (fault?.code === 'settings_invalid') {
      const reasons = (fault.fields ?? []).map(({ field, code }) => {
        const reason = t(`fieldErrors.${code}`, t('fieldErrors.invalid_value'));
        return t('fault.field', { field: nameOf(field), reason });
      });
      return reasons.join(' ');
    }
    if (fault?.code === 'refused') {
      const code = String(fault.details?.['error'] ?? '');
      return isKnown(code) ? t(`errors.${code as 'internal_error'}.what`) : problem;
    }
    // A code of a newer server is told in its own words.
    return fault === undefined
      ? problem
      : t(`bulks.rowFaults.${fault.code}`, { ...fault.details, defaultValue: problem });
  };
}
