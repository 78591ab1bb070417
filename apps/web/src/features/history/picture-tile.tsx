import type { Generation, Job } from '@imagemill/api';
import { Button } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { pictureUrl } from '../../shared/api/picture-url.ts';
import { useCan } from '../../shared/api/session.ts';
import { AlertIcon, ClockIcon, CloseIcon } from '../../shared/ui/icons.tsx';
import styles from './picture-tile.module.css';

interface PictureTileProps {
  readonly generation: Generation;
  readonly job: Job;
  /** `data:` URL of the newest preview. */
  readonly preview: string | undefined;
  readonly onOpen: (jobId: string) => void;
  readonly onRetry: (job: Job) => void;
}

/** One picture of a generation, in whatever state it is. */
export function PictureTile({ generation, job, preview, onOpen, onRetry }: PictureTileProps): ReactElement {
  return (
    <li
      className={styles.tile}
      style={{ aspectRatio: `${generation.width} / ${generation.height}` }}
      data-state={job.state}
    >
      {job.state === 'succeeded' ? (
        <Picture generation={generation} job={job} onOpen={onOpen} />
      ) : job.state === 'queued' || job.state === 'running' ? (
        <Progress job={job} preview={preview} />
      ) : (
        <Ended job={job} onRetry={onRetry} />
      )}
    </li>
  );
}

function Picture({ generation, job, onOpen }: Pick<PictureTileProps, 'generation' | 'job' | 'onOpen'>): ReactElement {
  const { t } = useTranslation();
  const [isBroken, setIsBroken] = useState(false);
  const { prompt, width, height } = generation;
  if (job.asset === undefined || isBroken) {
    return (
      <div className={styles.ended} role="img" aria-label={t('errors.asset_not_found.what')}>
        <AlertIcon size={22} />
        <span>{t('errors.asset_not_found.what')}</span>
      </div>
    );
  }
  return (
    <button
      type="button"
      className={styles.open}
      aria-label={t('feed.openPicture', { number: job.index + 1, prompt })}
      onClick={() => onOpen(job.id)}
    >
      <img
        src={pictureUrl(job.asset)}
        alt=""
        width={width}
        height={height}
        loading="lazy"
        decoding="async"
        onError={() => setIsBroken(true)}
      />
    </button>
  );
}

function Progress({ job, preview }: { readonly job: Job; readonly preview: string | undefined }): ReactElement {
  const { t } = useTranslation();
  const words = useProgressWords(job);
  const { step, steps } = job.progress;
  return (
    <div className={styles.progress} data-waiting={job.state === 'queued' || undefined}>
      {preview !== undefined && <img className={styles.preview} src={preview} alt="" />}
      <div className={styles.meter}>
        <span className={styles.words}>
          {job.state === 'queued' && <ClockIcon size={15} />}
          {words}
        </span>
        <div
          className={styles.track}
          role="progressbar"
          aria-label={t('feed.progress', { number: job.index + 1 })}
          aria-valuemin={0}
          aria-valuemax={steps}
          aria-valuenow={step}
          aria-valuetext={words}
        >
          <div className={styles.bar} style={{ transform: `scaleX(${step / steps})` }} />
        </div>
      </div>
    </div>
  );
}

function useProgressWords(job: Job): string {
  const { t } = useTranslation();
  const { step, steps } = job.progress;
  if (job.cancelRequested) return t('feed.cancelling');
  if (job.state === 'queued') return job.attempt > 0 ? t('feed.queuedAgain') : t('feed.queued');
  if (step === 0) return t('feed.starting');
  return step < steps ? t('feed.step', { step, steps }) : t('feed.finishing');
}

function Ended({ job, onRetry }: Pick<PictureTileProps, 'job' | 'onRetry'>): ReactElement {
  const { t } = useTranslation();
  const mayDraw = useCan()('generations:write');
  if (job.state === 'cancelled') {
    return (
      <div className={styles.ended}>
        <CloseIcon size={20} />
        <span>{t('feed.cancelled')}</span>
      </div>
    );
  }
  return (
    <div className={styles.ended} data-failed>
      <AlertIcon size={22} />
      <span>{t('feed.failed')}</span>
      {mayDraw && (
        <Button size="compact-sm" variant="default" onClick={() => onRetry(job)}>
          {t('feed.retry')}
        </Button>
      )}
    </div>
  );
}
