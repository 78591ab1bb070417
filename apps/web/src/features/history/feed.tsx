import type { Generation } from '@imagemill/api';
import { Button, Loader, VisuallyHidden } from '@mantine/core';
import { type ReactElement, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { isFinished } from '../../shared/api/generation-state.ts';
import { type GenerationList, useCancelGeneration, useSubmitGeneration } from '../../shared/api/generations.ts';
import { useCan } from '../../shared/api/session.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { useNow } from '../../shared/ui/use-now.ts';
import { isEscape, useShortcut } from '../../shared/ui/use-shortcut.ts';
import { EmptyState } from './empty-state.tsx';
import styles from './feed.module.css';
import { GenerationCard } from './generation-card.tsx';
import { requestOfJob } from './request-of-job.ts';
import { useFollow } from './use-follow.ts';

interface FeedProps {
  readonly list: GenerationList;
  readonly onOpen: (jobId: string) => void;
  readonly onReuse: (generation: Generation) => void;
  readonly onExample: (prompt: string) => void;
}

/** All generations, newest first; those in work are followed live. */
export function Feed({ list, onOpen, onReuse, onExample }: FeedProps): ReactElement {
  const { t } = useTranslation();
  const { generations } = list;
  const mayDraw = useCan()('generations:write');
  const { previews, isConnectionLost } = useFollow(generations);
  const now = useNow(30_000);
  const cancel = useCancelGeneration();
  const retry = useSubmitGeneration();
  useCancelByEscape(mayDraw ? generations : [], (id) => cancel.mutate(id));

  const error = cancel.error ?? retry.error;
  const dismiss = cancel.error === null ? retry.reset : cancel.reset;
  return (
    <section className={styles.feed} aria-label={t('feed.title')} aria-busy={list.isLoading}>
      <VisuallyHidden component="h2">{t('feed.title')}</VisuallyHidden>
      {error !== null && <FaultAlert error={error} onDismiss={dismiss} />}
      {isConnectionLost && (
        <p className={styles.lost} role="status">
          <Loader size={14} color="gray" />
          {t('feed.reconnecting')}
        </p>
      )}
      {generations.map((generation) => (
        <GenerationCard
          key={generation.id}
          generation={generation}
          previews={previews}
          now={now}
          onOpen={onOpen}
          onReuse={onReuse}
          onCancel={({ id }) => cancel.mutate(id)}
          onRetry={(failed, job) => retry.mutate(requestOfJob(failed, job))}
        />
      ))}
      {generations.length === 0 &&
        !list.isLoading &&
        list.error === null &&
        (mayDraw ? <EmptyState onExample={onExample} /> : <p className={styles.loading}>{t('gallery.empty')}</p>)}
      {generations.length === 0 && list.isLoading && (
        <p className={styles.loading} role="status">
          <Loader size={18} />
          {t('feed.loading')}
        </p>
      )}
      {list.hasOlder && (
        <Button
          className={styles.older ?? ''}
          variant="default"
          disabled={list.isLoadingOlder}
          onClick={list.loadOlder}
        >
          {list.isLoadingOlder ? t('feed.loadingOlder') : t('feed.showOlder')}
        </Button>
      )}
    </section>
  );
}

/** Escape cancels the newest generation in work; pressed again, the one before. */
function useCancelByEscape(generations: readonly Generation[], cancel: (id: string) => void): void {
  const asked = useRef(new Set<string>());
  useShortcut(isEscape, () => {
    const isCancellable = (generation: Generation): boolean =>
      !isFinished(generation) &&
      !asked.current.has(generation.id) &&
      generation.jobs.some((job) => !job.cancelRequested && (job.state === 'queued' || job.state === 'running'));
    const newest = generations.find(isCancellable);
    if (newest === undefined) return;
    asked.current.add(newest.id);
    cancel(newest.id);
  });
}
