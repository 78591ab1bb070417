import type { AuditRecord } from '@imagemill/api';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useAudit } from '../../shared/api/administration.ts';
import { formatDateTime } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { useServerWords } from '../../shared/i18n/use-server-words.ts';
import { DataTable } from '../../shared/ui/data-table.tsx';
import { Section } from '../../shared/ui/section.tsx';
import { auditActions } from './audit-actions.ts';
import styles from './audit-section.module.css';

/** Acts that the server writes down; an unknown one is shown under its own name. */
/** Who changed what, newest first. */
export function AuditSection({ tenant }: { readonly tenant: string | undefined }): ReactElement {
  const { t } = useTranslation();
  const [action, setAction] = useState('');
  const [since, setSince] = useState('');
  const [until, setUntil] = useState('');
  const audit = useAudit({
    tenant,
    action: action === '' ? undefined : action,
    from: midnight(since, 0),
    to: midnight(until, 1),
  });
  const records = audit.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <Section
      title={t('administration.audit')}
      help={t('administration.auditHelp')}
      isLoading={audit.isPending}
      error={audit.error}
      onRetry={() => void audit.refetch()}
    >
      <search className={styles.filter}>
        <NativeSelect
          label={t('administration.act')}
          value={action}
          data={[{ value: '', label: t('gallery.any') }, ...auditActions.map((value) => ({ value, label: value }))]}
          onChange={({ currentTarget }) => setAction(currentTarget.value)}
        />
        <TextInput
          type="date"
          label={t('gallery.since')}
          value={since}
          onChange={({ currentTarget }) => setSince(currentTarget.value)}
        />
        <TextInput
          type="date"
          label={t('gallery.until')}
          value={until}
          onChange={({ currentTarget }) => setUntil(currentTarget.value)}
        />
      </search>
      <DataTable
        label={t('administration.audit')}
        columns={[
          t('administration.when'),
          t('administration.act'),
          t('administration.who'),
          t('administration.what'),
          t('administration.address'),
          t('administration.details'),
        ]}
        empty={records.length === 0 ? t('administration.noAudit') : undefined}
      >
        {records.map((record) => (
          <AuditRow key={record.id} record={record} />
        ))}
      </DataTable>
      {audit.hasNextPage && (
        <Button variant="default" disabled={audit.isFetchingNextPage} onClick={() => void audit.fetchNextPage()}>
          {t('administration.older')}
        </Button>
      )}
    </Section>
  );
}

function AuditRow({ record }: { readonly record: AuditRecord }): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const words = useServerWords();
  const { at, action, actor, target, address, before, after, count } = record;
  return (
    <tr>
      <td className={styles.time}>{formatDateTime(language, at)}</td>
      <th scope="row">
        {action}
        {count > 1 && ` × ${count}`}
      </th>
      <td>{words(actor.name)}</td>
      <td>{target}</td>
      <td>{address ?? t('administration.commandLine')}</td>
      <td>
        {(before !== undefined || after !== undefined) && (
          <details>
            <summary>{t('administration.show')}</summary>
            <dl className={styles.change}>
              {before !== undefined && (
                <>
                  <dt>{t('administration.before')}</dt>
                  <dd>
                    <pre>{JSON.stringify(before, null, 1)}</pre>
                  </dd>
                </>
              )}
              {after !== undefined && (
                <>
                  <dt>{t('administration.after')}</dt>
                  <dd>
                    <pre>{JSON.stringify(after, null, 1)}</pre>
                  </dd>
                </>
              )}
            </dl>
          </details>
        )}
      </td>
    </tr>
  );
}

/** Days begin and end at the reader's midnight; undefined for none. */
function midnight(day: string, addedDays: number): string | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return undefined;
  const date = new Date(`${day}T00:00`);
  date.setDate(date.getDate() + addedDays);
  return date.toISOString();
}
