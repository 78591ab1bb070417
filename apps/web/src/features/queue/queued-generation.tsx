import type { Generation, Job, JobDetail, Priority } from '@imagemill/api';
import { Button, NativeSelect } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { type QueueChange, useJobOutlook } from '../../shared/api/queue.ts';
import { useCan } from '../../shared/api/session.ts';
import { formatDuration } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import styles from './queued-generation.module.css';

interface QueuedGenerationProps {
  readonly generation: Generation;
  readonly onChange: (change: QueueChange) => void;
}

/** A generation in the queue: how far it is, when it will be done, and what can be done about it. */
export function QueuedGeneration({ generation, onChange }: QueuedGenerationProps): ReactElement {
  const { t } = useTranslation();
  const mayChange = useCan()('generations:write');
  const { prompt, jobs, tenant } = generation;
  const open = jobs.filter(isOpen);
  const waiting = open.filter(({ state }) => state === 'queued');
  const running = open.filter(({ state }) => state === 'running');
  const steps = jobs.reduce((sum, { progress }) => sum + progress.steps, 0);
  const done = jobs.reduce((sum, job) => sum + (isOpen(job) ? job.progress.step : job.progress.steps), 0);
  const { data: outlook } = useJobOutlook((waiting.at(-1) ?? open[0])?.id);
  const canCancel = open.some(({ cancelRequested }) => !cancelRequested);
  return (
    <article className={styles.row} aria-label={t('feed.generation', { prompt })}>
      <div className={styles.words}>
        <h3 className={styles.prompt}>{prompt}</h3>
        <p className={styles.facts}>
          {tenant !== undefined && <span>{t('queue.ofTenant', { tenant })}</span>}
          <span>
            {t('queue.progress', { done: jobs.length - open.length, total: jobs.length, running: running.length })}
          </span>
          {outlook !== undefined && <Outlook job={outlook} />}
        </p>
        <progress className={styles.bar} aria-label={t('queue.progressLabel')} max={steps} value={done} />
      </div>
      {mayChange && (
        <>
          <NativeSelect
            aria-label={t('queue.priority')}
            value={outlook?.priority ?? generation.priority}
            data={[
              { value: 'interactive', label: t('queue.interactive') },
              { value: 'standard', label: t('queue.standard') },
              { value: 'bulk', label: t('queue.bulk') },
            ]}
            onChange={({ currentTarget }) =>
              onChange({
                kind: 'priority',
                jobIds: open.map(({ id }) => id),
                priority: currentTarget.value as Priority,
                tenant,
              })
            }
          />
          <Button
            variant="default"
            disabled={!canCancel}
            onClick={() => onChange({ kind: 'cancel', generationId: generation.id, tenant })}
          >
            {canCancel ? t('feed.cancel') : t('feed.cancelling')}
          </Button>
        </>
      )}
    </article>
  );
}

/** Place and time of the last picture that waits; nothing where nothing was measured yet. */
function Outlook({ job }: { readonly job: JobDetail }): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const { queuePosition: position, estimatedSeconds } = job;
  return (
    <>
      {position !== undefined && <span>{t('queue.position', { position })}</span>}
      {estimatedSeconds !== undefined && (
        <span>{t('queue.estimate', { time: formatDuration(language, estimatedSeconds * 1_000) })}</span>
      )}
    </>
  );
}

function isOpen({ state }: Job): boolean {
  return state === 'queued' || state === 'running';
}
