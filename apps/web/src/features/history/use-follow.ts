import type { Generation, GenerationEvent, Job } from '@imagemill/api';
import { useDocumentVisibility } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { type RefObject, useEffect, useEffectEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { client } from '../../shared/api/client.ts';
import { createFollower, type Follower } from '../../shared/api/follower.ts';
import { isFinalState, isFinished } from '../../shared/api/generation-state.ts';
import { applyToList, putGeneration } from '../../shared/api/generations.ts';
import { systemKey } from '../../shared/api/system.ts';
import { useMessages } from '../../shared/ui/live-region.tsx';

/** Previews by job, as `data:` URLs. */
export type Previews = Readonly<Record<string, string>>;

/**
 * Follows the unfinished generations by their event streams, oldest first because they are drawn first. A hidden tab
 * lets go of its streams, so that many tabs do not use up the browser's connections, and catches up when it is seen.
 */
export function useFollow(generations: readonly Generation[]): { previews: Previews; isConnectionLost: boolean } {
  const isVisible = useDocumentVisibility() !== 'hidden';
  const [previews, setPreviews] = useState<Previews>({});
  const [lost, setLost] = useState<readonly string[]>([]);
  const follower = useFollower(setPreviews, setLost);

  const unfinished = generations.filter((generation) => !isFinished(generation)).map(({ id }) => id);
  const wanted = isVisible ? unfinished.toReversed().join(' ') : '';
  useEffect(() => {
    follower.current?.follow(wanted.split(' ').filter((id) => id !== ''));
  }, [follower, wanted]);

  return { previews, isConnectionLost: lost.some((id) => unfinished.includes(id)) };
}

function useFollower(
  setPreviews: (change: (previews: Previews) => Previews) => void,
  setLost: (change: (lost: readonly string[]) => readonly string[]) => void,
): RefObject<Follower | null> {
  const queries = useQueryClient();
  const announceChange = useAnnounceChange();

  const onEvent = useEffectEvent((event: GenerationEvent) => {
    const change = applyToList(queries, event);
    if (event.type === 'generation.finished') {
      void queries.invalidateQueries({ queryKey: systemKey });
      return;
    }
    if (change === undefined) return;
    const before = change.before.jobs.find((job) => job.id === event.jobId);
    const after = change.after.jobs.find((job) => job.id === event.jobId);
    if (before === undefined || after === undefined) return;
    if (event.type === 'job.preview') {
      const url = `data:${event.mediaType};base64,${event.image}`;
      if (!isFinalState(after.state)) setPreviews((previews) => ({ ...previews, [after.id]: url }));
    } else if (isFinalState(after.state)) {
      setPreviews(({ [after.id]: _, ...others }) => others);
    }
    announceChange(before, after);
  });
  const onEnd = useEffectEvent((id: string) => {
    // The list tells what the stream did not: it ended early, or the server has forgotten the generation.
    void client.getGeneration(id).then(
      (generation) => putGeneration(queries, generation),
      () => queries.invalidateQueries({ queryKey: ['generations'] }),
    );
  });
  const onConnection = useEffectEvent((id: string, state: 'open' | 'lost') =>
    setLost((lost) => [...lost.filter((other) => other !== id), ...(state === 'lost' ? [id] : [])]),
  );

  const follower = useRef<Follower>(null);
  useEffect(() => {
    const created = createFollower({ events: client.events, onEvent, onConnection, onEnd });
    follower.current = created;
    return () => created.follow([]);
  }, []);
  return follower;
}

/** Says aloud what a listener would want to know: half of a picture, and how each one ended. */
function useAnnounceChange(): (before: Job, after: Job) => void {
  const { t } = useTranslation();
  const { announce } = useMessages();
  return (before, after) => {
    const number = after.index + 1;
    const half = after.progress.steps / 2;
    if (before.state !== after.state && isFinalState(after.state)) {
      const outcome = after.state === 'succeeded' || after.state === 'cancelled' ? after.state : 'failed';
      announce(t(`announce.${outcome}`, { number }));
    } else if (before.progress.step < half && after.progress.step >= half && after.progress.steps >= 4) {
      announce(t('announce.halfway', { number }));
    }
  };
}
