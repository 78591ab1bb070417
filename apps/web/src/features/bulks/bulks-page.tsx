import type { ReactElement } from 'react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBulks, useChangeBulk } from '../../shared/api/bulks.ts';
import { useCan } from '../../shared/api/session.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { scrollBehavior } from '../../shared/ui/scroll-behavior.ts';
import { type BulkDraft, emptyBulkDraft } from './bulk-draft.ts';
import { BulkRecord } from './bulk-record.tsx';
import styles from './bulks-page.module.css';
import { NewBulk } from './new-bulk.tsx';

/** Files of rows: hand one in, watch those that are under way, fetch what came of them. */
export function BulksPage(): ReactElement {
  const { t } = useTranslation();
  const mayDraw = useCan()('generations:write');
  const bulks = useBulks();
  const change = useChangeBulk();
  const [draft, setDraft] = useState<BulkDraft>(emptyBulkDraft);
  const error = change.error ?? bulks.error;
  const again = (id: string): void => {
    setDraft((known) => ({ ...known, unchangedSince: id }));
    globalThis.scrollTo({ top: 0, behavior: scrollBehavior() });
  };
  return (
    <>
      <h2 className={styles.title}>{t('bulks.title')}</h2>
      {mayDraw && (
        <NewBulk
          draft={draft}
          earlier={bulks.data ?? []}
          onChange={(next) => setDraft((known) => ({ ...known, ...next }))}
        />
      )}
      {error !== null && (
        <FaultAlert
          error={error}
          onRetry={() => void bulks.refetch()}
          onDismiss={change.error === null ? undefined : change.reset}
        />
      )}
      <section className={styles.list} aria-label={t('bulks.list')} aria-busy={bulks.isPending}>
        <h3 className={styles.heading}>{t('bulks.list')}</h3>
        {bulks.data?.length === 0 && <p className={styles.empty}>{t('bulks.empty')}</p>}
        {bulks.data?.map((bulk) => (
          <BulkRecord
            key={bulk.id}
            bulk={bulk}
            onChange={mayDraw ? change.mutate : undefined}
            onAgain={mayDraw ? again : undefined}
          />
        ))}
      </section>
    </>
  );
}
