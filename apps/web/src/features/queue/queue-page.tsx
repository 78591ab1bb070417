import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useChangeQueue, useDeadLetters, useOpenGenerations, useQueue } from '../../shared/api/queue.ts';
import { useCan } from '../../shared/api/session.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { useHeldFocus } from '../../shared/ui/use-held-focus.ts';
import { DeadLetter } from './dead-letter.tsx';
import { QueueClasses } from './queue-classes.tsx';
import styles from './queue-page.module.css';
import { QueuedGeneration } from './queued-generation.tsx';
import { ScopeSwitch } from './scope-switch.tsx';
import { useQueueScope } from './use-queue-scope.ts';

/** What is drawn and what waits, the same on every device; and what ended without a picture. */
export function QueuePage(): ReactElement {
  const { t } = useTranslation();
  const can = useCan();
  const queue = useQueue();
  const [scope, setScope] = useQueueScope();
  const open = useOpenGenerations(scope);
  const dead = useDeadLetters(scope);
  const change = useChangeQueue();
  const isPaused = queue.data?.paused === true;
  const failure = change.error ?? open.error;
  const deadLetters = dead.data ?? [];
  const openList = useHeldFocus<HTMLElement>();
  const deadList = useHeldFocus<HTMLElement>();
  return (
    <>
      <header className={styles.head}>
        <h2 className={styles.title}>{t('queue.title')}</h2>
        <ScopeSwitch scope={scope} onChange={setScope} />
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
      <section
        ref={openList}
        tabIndex={-1}
        className={styles.section}
        aria-label={t('queue.open')}
        aria-busy={open.isPending}
      >
        {open.data?.map((generation) => (
          <QueuedGeneration key={generation.id} generation={generation} onChange={change.mutate} />
        ))}
        {open.data?.length === 0 && (
          <p className={styles.empty}>{scope === 'mine' ? t('queue.emptyMine') : t('queue.empty')}</p>
        )}
      </section>
      <header className={styles.head}>
        <h2 className={styles.title}>{t('queue.deadLetters')}</h2>
        {scope !== 'all' && can('generations:write') && deadLetters.some(({ state }) => state === 'dead') && (
          <Button variant="default" onClick={() => change.mutate({ kind: 'redrive-all', mine: scope === 'mine' })}>
            {t('queue.redriveAll')}
          </Button>
        )}
      </header>
      <section
        ref={deadList}
        tabIndex={-1}
        className={styles.section}
        aria-label={t('queue.deadLetters')}
        aria-busy={dead.isPending}
      >
        {deadLetters.map((job) => (
          <DeadLetter key={job.id} job={job} onChange={change.mutate} />
        ))}
        {dead.data?.length === 0 && <p className={styles.empty}>{t('queue.noDeadLetters')}</p>}
      </section>
    </>
  );
}
