import type { JobDetail, JobError } from '@imagemill/api';
import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { faultOfJob } from '../../shared/api/fault.ts';
import { type QueueChange, useGenerationOf } from '../../shared/api/queue.ts';
import { useCan } from '../../shared/api/session.ts';
import { formatDateTime } from '../../shared/format/format.ts';
import { useKnownFaults } from '../../shared/i18n/use-known-faults.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import styles from './dead-letter.module.css';

interface DeadLetterProps {
  readonly job: JobDetail;
  readonly onChange: (change: QueueChange) => void;
}

/** A picture that was not drawn, with the reason of every attempt, and the way to try it again. */
export function DeadLetter({ job, onChange }: DeadLetterProps): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const mayRedrive = useCan()('generations:write');
  const { data: generation } = useGenerationOf(job.generationId, job.tenant);
  const isKnown = useKnownFaults();
  const fault = job.error === undefined ? undefined : faultOfJob(job.error, isKnown);
  return (
    <article className={styles.row} aria-label={t('queue.notDrawn', { prompt: generation?.prompt ?? job.id })}>
      <div className={styles.words}>
        <h3 className={styles.prompt}>{generation?.prompt ?? job.id}</h3>
        {job.tenant !== undefined && <p>{t('queue.ofTenant', { tenant: job.tenant })}</p>}
        {fault !== undefined && (
          <p>{t('fault.told', { what: t(`errors.${fault.code}.what`), next: t(`errors.${fault.code}.next`) })}</p>
        )}
        <details className={styles.attempts}>
          <summary>{t('queue.attempts', { count: job.attempts.length })}</summary>
          <ul>
            {job.attempts.map(({ number, finishedAt, error }) => (
              <li key={number}>
                {formatDateTime(language, finishedAt)} ·{' '}
                {error === undefined ? t('queue.interrupted') : <Reason error={error} />}
              </li>
            ))}
          </ul>
        </details>
      </div>
      {mayRedrive && (
        <Button variant="default" onClick={() => onChange({ kind: 'redrive', jobId: job.id, tenant: job.tenant })}>
          {t('queue.redrive')}
        </Button>
      )}
    </article>
  );
}

/** Why an attempt failed, in the reader's language where its code is known, with the words of the server. */
function Reason({ error }: { readonly error: JobError }): ReactElement {
  const { t } = useTranslation();
  const isKnown = useKnownFaults();
  return (
    <>
      {isKnown(error.code) && `${t(`errors.${faultOfJob(error, isKnown).code}.what`)} `}
      <span lang="en">{error.message}</span>
    </>
  );
}
