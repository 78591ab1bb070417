import type { Generation } from '@imagemill/api';
import { type ReactElement, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Composer } from '../features/generate/composer.tsx';
import type { DraftStore } from '../features/generate/draft-store.ts';
import type { RecallFile } from '../features/generate/use-recall-file.ts';
import { Feed } from '../features/history/feed.tsx';
import { useGenerations } from '../shared/api/generations.ts';
import { useMarkPictures, usePictures } from '../shared/api/pictures.ts';
import { useCan } from '../shared/api/session.ts';
import { useSystem } from '../shared/api/system.ts';
import type { RecallPart } from '../shared/recall.ts';
import { FaultAlert } from '../shared/ui/fault-alert.tsx';
import { late } from '../shared/ui/late.tsx';
import { scrollBehavior } from '../shared/ui/scroll-behavior.ts';
import { picturesOf, type ShownPicture } from '../shared/viewer/pictures.ts';
import { useLinkedPicture } from '../shared/viewer/use-linked-picture.ts';
import { useOpenPicture } from '../shared/viewer/use-open-picture.ts';
import type { ViewerProps } from '../shared/viewer/viewer.tsx';
import styles from './studio.module.css';

const Viewer = late(async () => (await import('../shared/viewer/viewer.tsx')).Viewer, 'hidden');

export interface StudioProps {
  readonly draft: DraftStore;
  readonly recallFile: RecallFile;
  /** Takes the settings of a generation over. */
  readonly onReuse: (generation: Generation) => void;
  readonly onRecall: (part: RecallPart, picture: ShownPicture) => void;
  readonly onReference: (picture: ShownPicture) => void;
}

/** The page to draw on: settings on one side, pictures on the other. */
export function Studio({ draft, recallFile, onReuse, onRecall, onReference }: StudioProps): ReactElement {
  const { t } = useTranslation();
  const canDraw = useCan()('generations:write');
  const list = useGenerations();
  const pictures = useMemo(() => picturesOf(list.generations), [list.generations]);
  const { openId, open, close } = useOpenPicture();
  const shown = useLinkedPicture(pictures, openId, !list.isLoading, close);
  const composer = useRef<HTMLDivElement>(null);
  const feed = useRef<HTMLElement>(null);

  const focusPrompt = (): void => composer.current?.querySelector('textarea')?.focus();
  const showFeed = (): void => {
    // Only where the pictures lie below the form.
    if (globalThis.matchMedia('(width < 56em)').matches) feed.current?.scrollIntoView({ behavior: scrollBehavior() });
    else globalThis.scrollTo({ top: 0, behavior: scrollBehavior() });
  };

  return (
    <>
      <div className={styles.page}>
        <ServerTrouble />
        <div ref={composer} className={styles.composer}>
          {canDraw ? (
            <Composer store={draft} recall={recallFile} lastSeed={list.generations[0]?.seed} onAccepted={showFeed} />
          ) : (
            <p className={styles.mayNot}>{t('rights.mayNotDraw')}</p>
          )}
        </div>
        <main ref={feed} id="main" tabIndex={-1} className={styles.feed}>
          <Feed
            list={list}
            onOpen={open}
            onReuse={(generation) => {
              onReuse(generation);
              focusPrompt();
            }}
            onExample={(prompt) => {
              draft.update({ prompt });
              focusPrompt();
            }}
          />
        </main>
      </div>
      {openId !== undefined && (
        <MarkedViewer
          pictures={shown}
          openId={openId}
          onOpen={open}
          onClose={close}
          onRecall={(part, picture) => {
            onRecall(part, picture);
            focusPrompt();
          }}
          onReference={onReference}
        />
      )}
    </>
  );
}

/** The viewer with the stars and tags of the pictures, which their generations do not tell. */
function MarkedViewer({ pictures, ...props }: Omit<ViewerProps, 'onMark'>): ReactElement {
  const open = pictures.find(({ id }) => id === props.openId);
  const marks = usePictures({ generationId: open?.generationId }, open !== undefined).pictures;
  const mark = useMarkPictures();
  const byId = new Map(marks.map((picture) => [picture.id, picture]));
  const marked = pictures.map((picture) => ({ ...picture, ...marksOf(byId.get(picture.id)) }));
  return <Viewer {...props} pictures={marked} onMark={mark.mutate} />;
}

function marksOf(picture: ShownPicture | undefined): Pick<ShownPicture, 'starred' | 'tags'> {
  return picture === undefined ? {} : { starred: picture.starred, tags: picture.tags };
}

/** Stands above the pictures for as long as the server does not answer; the page keeps asking. */
function ServerTrouble(): ReactElement | null {
  const { error, refetch } = useSystem();
  if (error === null) return null;
  return (
    <div className={styles.trouble}>
      <FaultAlert isAboutServer error={error} onRetry={() => void refetch()} />
    </div>
  );
}
