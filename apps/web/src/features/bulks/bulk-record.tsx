import type { Bulk } from '@imagemill/api';
import { Button } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type BulkChange, isUnderWay, useBrokenRows } from '../../shared/api/bulks.ts';
import { client } from '../../shared/api/client.ts';
import { formatDateTime } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { Notice } from '../../shared/ui/notice.tsx';
import { BrokenLines } from './broken-lines.tsx';
import styles from './bulk-record.module.css';

interface BulkRecordProps {
  readonly bulk: Bulk;
  /** Undefined for who may not draw. */
  readonly onChange: ((change: BulkChange) => void) | undefined;
  /** The next file is to draw only what is not in this one. */
  readonly onAgain: ((id: string) => void) | undefined;
}

/** One bulk: how far it is, what can be done about it, and what came of it. */
export function BulkRecord({ bulk, onChange, onAgain }: BulkRecordProps): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const { id, name, state, pictures, rows, note } = bulk;
  const done = pictures.succeeded + pictures.failed;
  return (
    <article className={styles.record} aria-label={t('bulks.record', { name })} data-state={state}>
      <header className={styles.head}>
        <h4 className={styles.name}>{name}</h4>
        <span className={styles.state}>{t(`bulks.state.${state}`)}</span>
        <time className={styles.when} dateTime={bulk.createdAt}>
          {formatDateTime(language, bulk.createdAt)}
        </time>
      </header>
      <progress
        className={styles.bar}
        aria-label={t('bulks.progress')}
        max={Math.max(1, pictures.asked)}
        value={done}
      />
      <p className={styles.facts}>
        <span>{t('bulks.done', { done: pictures.succeeded, total: pictures.asked })}</span>
        {pictures.failed > 0 && <span>{t('bulks.failed', { count: pictures.failed })}</span>}
        {rows.unchanged > 0 && <span>{t('bulks.unchangedRows', { count: rows.unchanged })}</span>}
      </p>
      {note !== undefined && (
        <div className={styles.note}>
          <Notice notice={note} />
        </div>
      )}
      {rows.broken > 0 && <BrokenRows id={id} count={rows.broken} />}
      <div className={styles.actions}>
        {onChange !== undefined && <Controls bulk={bulk} onChange={onChange} />}
        {pictures.succeeded > 0 && (
          <Button size="xs" variant="default" component="a" href={client.url(bulk.links.pictures)} download>
            {t('bulks.zip')}
          </Button>
        )}
        <Button size="xs" variant="default" component="a" href={client.url(bulk.links.manifest)} download>
          {t('bulks.csv')}
        </Button>
        {onAgain !== undefined && !isUnderWay(bulk) && (
          <Button size="xs" variant="subtle" onClick={() => onAgain(id)}>
            {t('bulks.onlyChanged')}
          </Button>
        )}
      </div>
    </article>
  );
}

function Controls(props: { readonly bulk: Bulk; readonly onChange: (change: BulkChange) => void }): ReactElement {
  const { t } = useTranslation();
  const { bulk, onChange } = props;
  const { id } = bulk;
  return (
    <>
      {isUnderWay(bulk) && (
        <Button size="xs" variant="default" onClick={() => onChange({ id, kind: 'pause' })}>
          {t('bulks.pause')}
        </Button>
      )}
      {bulk.state === 'paused' && (
        <Button size="xs" onClick={() => onChange({ id, kind: 'resume' })}>
          {t('bulks.resume')}
        </Button>
      )}
      {(isUnderWay(bulk) || bulk.state === 'paused') && (
        <Button size="xs" variant="default" onClick={() => onChange({ id, kind: 'cancel' })}>
          {t('feed.cancel')}
        </Button>
      )}
    </>
  );
}

function BrokenRows({ id, count }: { readonly id: string; readonly count: number }): ReactElement {
  const { t } = useTranslation();
  const [isOpen, setIsOpen] = useState(false);
  const { data } = useBrokenRows(id, isOpen);
  if (isOpen && data !== undefined) return <BrokenLines count={count} rows={data} isOpen />;
  return (
    <Button className={styles.more ?? ''} size="compact-xs" variant="subtle" onClick={() => setIsOpen(true)}>
      {t('bulks.brokenLines', { count })}
    </Button>
  );
}
