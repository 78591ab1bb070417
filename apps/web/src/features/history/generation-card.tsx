import type { Generation, Job } from '@imagemill/api';
import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { faultOfJob } from '../../shared/api/fault.ts';
import { isFinished } from '../../shared/api/generation-state.ts';
import { useJobOutlook } from '../../shared/api/queue.ts';
import { useCan } from '../../shared/api/session.ts';
import { formatAgo, formatDateTime, formatDuration, formatNumber } from '../../shared/format/format.ts';
import { useKnownFaults } from '../../shared/i18n/use-known-faults.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { ReuseIcon } from '../../shared/ui/icons.tsx';
import styles from './generation-card.module.css';
import { PictureTile } from './picture-tile.tsx';
import type { Previews } from './use-follow.ts';

interface GenerationCardProps {
  readonly generation: Generation;
  readonly previews: Previews;
  /** The present time in ms. */
  readonly now: number;
  readonly onOpen: (jobId: string) => void;
  readonly onReuse: (generation: Generation) => void;
  readonly onCancel: (generation: Generation) => void;
  readonly onRetry: (generation: Generation, job: Job) => void;
}

/** A generation with all its pictures. */
export function GenerationCard(props: GenerationCardProps): ReactElement {
  const { generation, previews, now, onOpen, onReuse, onCancel, onRetry } = props;
  const { t } = useTranslation();
  const mayDraw = useCan()('generations:write');
  const canCancel = generation.jobs.some((job) => isOpen(job) && !job.cancelRequested);
  return (
    <article className={styles.card} aria-label={t('feed.generation', { prompt: generation.prompt })}>
      <header className={styles.head}>
        <div className={styles.words}>
          <h3 className={styles.prompt} title={generation.prompt}>
            {generation.prompt}
          </h3>
          <Facts generation={generation} now={now} />
        </div>
        {mayDraw && (
          <div className={styles.actions}>
            {!isFinished(generation) && (
              <Button size="compact-sm" variant="default" disabled={!canCancel} onClick={() => onCancel(generation)}>
                {canCancel ? t('feed.cancel') : t('feed.cancelling')}
              </Button>
            )}
            <Button
              size="compact-sm"
              variant="subtle"
              leftSection={<ReuseIcon size={15} />}
              onClick={() => onReuse(generation)}
            >
              {t('feed.reuse')}
            </Button>
          </div>
        )}
      </header>
      <ul className={styles.pictures} data-shape={generation.width > generation.height * 1.2 ? 'wide' : 'normal'}>
        {generation.jobs.map((job) => (
          <PictureTile
            key={job.id}
            generation={generation}
            job={job}
            preview={previews[job.id]}
            onOpen={onOpen}
            onRetry={(failed) => onRetry(generation, failed)}
          />
        ))}
      </ul>
      <Faults generation={generation} />
    </article>
  );
}

function Facts({ generation, now }: { readonly generation: Generation; readonly now: number }): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const { createdAt, width, height, steps, count } = generation;
  const waiting = generation.jobs.findLast(({ state }) => state === 'queued');
  const { data: outlook } = useJobOutlook(waiting?.id);
  const { queuePosition: position, estimatedSeconds } = waiting === undefined ? {} : (outlook ?? {});
  return (
    <p className={styles.facts}>
      <time dateTime={createdAt} title={formatDateTime(language, createdAt)}>
        {formatAgo(language, createdAt, now)}
      </time>
      <span>
        {formatNumber(language, width)} × {formatNumber(language, height)}
      </span>
      <span>{t('feed.steps', { count: steps })}</span>
      {count > 1 && <span>{t('feed.pictures', { count })}</span>}
      {position !== undefined && <span>{t('queue.position', { position })}</span>}
      {estimatedSeconds !== undefined && (
        <span>{t('queue.estimate', { time: formatDuration(language, estimatedSeconds * 1_000) })}</span>
      )}
    </p>
  );
}

/** Why pictures were not drawn, each reason once. */
function Faults({ generation }: { readonly generation: Generation }): ReactElement | null {
  const { t } = useTranslation();
  const isKnown = useKnownFaults();
  const errors = generation.jobs.flatMap((job) => (job.error === undefined ? [] : [job.error]));
  const codes = [...new Set(errors.map((error) => faultOfJob(error, isKnown).code))];
  if (codes.length === 0) return null;
  return (
    <div className={styles.faults}>
      {codes.map((code) => (
        <p key={code}>{t('fault.told', { what: t(`errors.${code}.what`), next: t(`errors.${code}.next`) })}</p>
      ))}
    </div>
  );
}

function isOpen(job: Job): boolean {
  return job.state === 'queued' || job.state === 'running';
}
