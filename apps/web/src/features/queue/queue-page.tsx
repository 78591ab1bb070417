import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useChangeQueue, useDeadLetters, useOpenGenerations, useQueue } from '../../shared/api/queue.ts';
import { useCan } from '../../shared/api/session.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { DeadLetter } from './dead-letter.tsx';
import { QueueClasses } from './queue-classes.tsx';
import styles from './queue-page.module.css';
import { QueuedGeneration } from './queued-generation.tsx';

/** What is drawn and what waits, the same on every device; and what ended without a picture. */
export function QueuePage(): ReactElement {
  const { t } = useTranslation();
  const can = useCan();
  const queue = useQueue();
  const open = useOpenGenerations();
  const dead = useDeadLetters();
  const change = useChangeQueue();
  const isPaused = queue.data?.paused === true;
  const failure = change.error ?? open.error;
  const deadLetters = dead.data ?? [];
  return (
    <>
      <header className={styles.head}>
        <h2 className={styles.title}>{t('queue.title')}</h2>
        {queue.data !== undefined && can('queue:manage') && (
          <Button variant="default" onClick={() => change.mutate({ kind: isPaused ? 'resume' : 'pause' })}>
            {isPaused ? t('queue.resume') : t('queue.pause')}
          </Button>
        )}
      </header>
      {failure !== null && <FaultAlert error={failure} onDismiss={change.error === null ? undefined : change.reset} />}
      {isPaused && (
        <p className={styles.paused} role="status">
          {t('queue.paused')}
        </p>
      )}
      {queue.data !== undefined && <QueueClasses queue={queue.data} />}
      <section className={styles.section} aria-label={t('queue.open')} aria-busy={open.isPending}>
        {open.data?.map((generation) => (
          <QueuedGeneration key={generation.id} generation={generation} onChange={change.mutate} />
        ))}
        {open.data?.length === 0 && <p className={styles.empty}>{t('queue.empty')}</p>}
      </section>
      <header className={styles.head}>
        <h2 className={styles.title}>{t('queue.deadLetters')}</h2>
        {can('generations:write') && deadLetters.some(({ state }) => state === 'dead') && (
          <Button variant="default" onClick={() => change.mutate({ kind: 'redrive-all' })}>
            {t('queue.redriveAll')}
          </Button>
        )}
      </header>
      <section className={styles.section} aria-label={t('queue.deadLetters')} aria-busy={dead.isPending}>
        {deadLetters.map((job) => (
          <DeadLetter key={job.id} job={job} onChange={change.mutate} />
        ))}
        {dead.data?.length === 0 && <p className={styles.empty}>{t('queue.noDeadLetters')}</p>}
      </section>
    </>
  );
}
