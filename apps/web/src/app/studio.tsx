import type { Generation } from '@imagemill/api';
import { type ReactElement, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Composer } from '../features/generate/composer.tsx';
import { draftOfGeneration } from '../features/generate/draft.ts';
import { createDraftStore } from '../features/generate/draft-store.ts';
import { Feed } from '../features/history/feed.tsx';
import { picturesOf } from '../features/viewer/pictures.ts';
import { Viewer } from '../features/viewer/viewer.tsx';
import { useGenerations } from '../shared/api/generations.ts';
import { useSystem } from '../shared/api/system.ts';
import { FaultAlert } from '../shared/ui/fault-alert.tsx';
import { useMessages } from '../shared/ui/live-region.tsx';
import { Header } from './header.tsx';
import styles from './studio.module.css';
import { useOpenPicture } from './use-open-picture.ts';

/** The page: settings on one side, pictures on the other. */
export function Studio(): ReactElement {
  const { t } = useTranslation();
  const { notify } = useMessages();
  const [draft] = useState(createDraftStore);
  const list = useGenerations();
  const pictures = useMemo(() => picturesOf(list.generations), [list.generations]);
  const { openId, open, close } = useOpenPicture();
  const composer = useRef<HTMLDivElement>(null);
  const feed = useRef<HTMLElement>(null);

  const focusPrompt = (): void => composer.current?.querySelector('textarea')?.focus();
  const reuse = (generation: Generation, seed?: number): void => {
    draft.update(draftOfGeneration(generation, seed));
    notify(seed === undefined ? t('compose.settingsReused') : t('compose.seedKept', { seed }));
    focusPrompt();
  };
  const showFeed = (): void => {
    // Only where the pictures lie below the form.
    if (globalThis.matchMedia('(width < 56em)').matches) feed.current?.scrollIntoView({ behavior: 'smooth' });
    else globalThis.scrollTo({ top: 0, behavior: 'smooth' });
  };

  return (
    <>
      <a className={styles.skip} href="#pictures">
        {t('app.skipToPictures')}
      </a>
      <Header />
      <div className={styles.page}>
        <ServerTrouble />
        <div ref={composer} className={styles.composer}>
          <Composer store={draft} lastSeed={list.generations[0]?.seed} onAccepted={showFeed} />
        </div>
        <main ref={feed} id="pictures" tabIndex={-1} className={styles.feed}>
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
        <Viewer pictures={pictures} openId={openId} onOpen={open} onClose={close} onReuse={reuse} />
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
