import type { Bulk, BulkPlan } from '@imagemill/api';
import { Button } from '@mantine/core';
import { type ReactElement, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type BulkInput, useBulkPlan, useCreateBulk } from '../../shared/api/bulks.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { FilePicker } from '../../shared/ui/file-picker.tsx';
import { useMessages } from '../../shared/ui/live-region.tsx';
import { useFileDrop } from '../../shared/ui/use-file-drop.ts';
import { type BulkDraft, settingsOf } from './bulk-draft.ts';
import { BulkForm } from './bulk-form.tsx';
import { ColumnTable } from './column-table.tsx';
import { guessRoles } from './columns.ts';
import styles from './new-bulk.module.css';
import { PlanView } from './plan-view.tsx';

interface NewBulkProps {
  readonly draft: BulkDraft;
  readonly earlier: readonly Bulk[];
  readonly onChange: (change: Partial<BulkDraft>) => void;
}

/** A file on its way to become pictures: what its columns mean, what would be drawn, what it would take. */
export function NewBulk({ draft, earlier, onChange }: NewBulkProps): ReactElement {
  const { t } = useTranslation();
  const { notify } = useMessages();
  const [file, setFile] = useState<File>();
  const create = useCreateBulk();
  const input = useSettled(file, draft);
  const plan = useBulkPlan(input);
  const { isOver, handlers } = useFileDrop(take);
  function take(next: File): void {
    setFile(next);
    create.reset();
    onChange({ roles: undefined });
  }
  const columns = plan.data?.columns ?? [];
  const roles = draft.roles ?? guessRoles(columns);
  useGuessedRoles(columns, draft, onChange);
  const run = (): void => {
    if (file === undefined) return;
    create.mutate(
      { file, settings: settingsOf(draft) },
      {
        onSuccess: () => {
          setFile(undefined);
          onChange({ roles: undefined, unchangedSince: undefined });
          notify(t('bulks.accepted', { name: file.name }));
        },
      },
    );
  };
  return (
    <section className={styles.panel} aria-label={t('bulks.new')} data-over={isOver || undefined} {...handlers}>
      <h3 className={styles.heading}>{t('bulks.new')}</h3>
      <p className={styles.help}>{t('bulks.help')}</p>
      <div className={styles.file}>
        <FilePicker
          label={t('bulks.choose')}
          words={t('bulks.choose')}
          accept=".csv,.tsv,.jsonl,.xlsx"
          isBusy={false}
          variant="default"
          onPick={take}
        />
        {file !== undefined && <span>{file.name}</span>}
      </div>
      {file !== undefined && (
        <>
          {plan.error !== null && <FaultAlert error={plan.error} onRetry={() => void plan.refetch()} />}
          {columns.length > 0 && (
            <ColumnTable columns={columns} roles={roles} onChange={(next) => onChange({ roles: next })} />
          )}
          <BulkForm draft={draft} columns={columns} earlier={earlier} onChange={onChange} />
          {plan.data !== undefined && plan.error === null && <PlanView plan={plan.data} isStale={plan.isFetching} />}
          {create.error !== null && <FaultAlert error={create.error} onRetry={run} onDismiss={create.reset} />}
          <Button
            size="md"
            disabled={create.isPending || plan.data === undefined || plan.data.pictures === 0}
            onClick={run}
          >
            <RunWords plan={plan.data} isSending={create.isPending} />
          </Button>
        </>
      )}
    </section>
  );
}

function RunWords(props: { readonly plan: BulkPlan | undefined; readonly isSending: boolean }): ReactElement {
  const { t } = useTranslation();
  if (props.isSending) return <>{t('compose.sending')}</>;
  return <>{props.plan === undefined ? t('bulks.checking') : t('bulks.run', { count: props.plan.pictures })}</>;
}

/** The file with the settings, a moment after the last key; every change would send the file again otherwise. */
function useSettled(file: File | undefined, draft: BulkDraft): BulkInput | undefined {
  const [settled, setSettled] = useState<BulkInput>();
  useEffect(() => {
    const timer = setTimeout(() => setSettled(file && { file, settings: settingsOf(draft) }), settleMs);
    return () => clearTimeout(timer);
  }, [file, draft]);
  return file === undefined ? undefined : settled;
}

const settleMs = 400;

/** Once the columns are known, takes over what their names say; the server has guessed nothing. */
function useGuessedRoles(
  columns: readonly string[],
  draft: BulkDraft,
  onChange: (change: Partial<BulkDraft>) => void,
): void {
  const names = JSON.stringify(columns);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each set of columns
  useEffect(() => {
    if (columns.length > 0 && draft.roles === undefined) onChange({ roles: guessRoles(columns) });
  }, [names, draft.roles]);
}
