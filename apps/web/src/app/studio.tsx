import type { Generation } from '@imagemill/api';
import { type ReactElement, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Composer } from '../features/generate/composer.tsx';
import type { Recallable } from '../features/generate/draft.ts';
import type { DraftStore } from '../features/generate/draft-store.ts';
import { Feed } from '../features/history/feed.tsx';
import { picturesOf } from '../features/viewer/pictures.ts';
import { useGenerations } from '../shared/api/generations.ts';
import { useCan } from '../shared/api/session.ts';
import { useSystem } from '../shared/api/system.ts';
import type { RecallPart } from '../shared/recall.ts';
import { FaultAlert } from '../shared/ui/fault-alert.tsx';
import { late } from '../shared/ui/late.tsx';
import styles from './studio.module.css';
import { useOpenPicture } from './use-open-picture.ts';

const Viewer = late(async () => (await import('../features/viewer/viewer.tsx')).Viewer, 'hidden');

export interface StudioProps {
  readonly draft: DraftStore;
  /** Takes the settings of a generation over, with a seed if one is given. */
  readonly onReuse: (generation: Generation, seed?: number) => void;
  readonly onRecall: (part: RecallPart, picture: Recallable) => void;
}

/** The page to draw on: settings on one side, pictures on the other. */
export function Studio({ draft, onReuse, onRecall }: StudioProps): ReactElement {
  const { t } = useTranslation();
  const canDraw = useCan()('generations:write');
  const list = useGenerations();
  const pictures = useMemo(() => picturesOf(list.generations), [list.generations]);
  const { openId, open, close } = useOpenPicture();
  const composer = useRef<HTMLDivElement>(null);
  const feed = useRef<HTMLElement>(null);

  const focusPrompt = (): void => composer.current?.querySelector('textarea')?.focus();
  const reuse = (generation: Generation, seed?: number): void => {
    onReuse(generation, seed);
    focusPrompt();
  };
  const showFeed = (): void => {
    // Only where the pictures lie below the form.
    if (globalThis.matchMedia('(width < 56em)').matches) feed.current?.scrollIntoView({ behavior: 'smooth' });
    else globalThis.scrollTo({ top: 0, behavior: 'smooth' });
  };

  return (
    <>
      <div className={styles.page}>
        <ServerTrouble />
        <div ref={composer} className={styles.composer}>
          {canDraw ? (
            <Composer store={draft} lastSeed={list.generations[0]?.seed} onAccepted={showFeed} />
          ) : (
            <p className={styles.mayNot}>{t('rights.mayNotDraw')}</p>
          )}
        </div>
        <main ref={feed} id="main" tabIndex={-1} className={styles.feed}>
          <Feed
            list={list}
            onOpen={open}
            onReuse={(generation) => reuse(generation)}
            onExample={(prompt) => {
              draft.update({ prompt });
              focusPrompt();
            }}
          />
        </main>
      </div>
      {openId !== undefined && (
        <Viewer
          pictures={pictures}
          openId={openId}
          onOpen={open}
          onClose={close}
          onReuse={reuse}
          onRecall={(part, { generation, job }) => {
            onRecall(part, { ...generation, seed: job.seed });
            focusPrompt();
          }}
        />
      )}
    </>
  );
}

/** Stands above the pictures for as long as the server does not answer; the page keeps asking. */
function ServerTrouble(): ReactElement | null {
  const { error, refetch } = useSystem();
  if (error === null) return null;
  return (
    <div className={styles.trouble}>
      <FaultAlert error={error} onRetry={() => void refetch()} />
    </div>
  );
}
