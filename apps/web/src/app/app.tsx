import type { Generation } from '@imagemill/api';
import { type ReactElement, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { draftOfGeneration, type Recallable, recalled, withImage } from '../features/generate/draft.ts';
import { createDraftStore } from '../features/generate/draft-store.ts';
import { useRecallFile } from '../features/generate/use-recall-file.ts';
import { SignInGate } from '../features/sign-in/sign-in-gate.tsx';
import { useCan } from '../shared/api/session.ts';
import { useSystem } from '../shared/api/system.ts';
import { goTo, pageRights, usePage } from '../shared/navigation/pages.ts';
import type { RecallPart } from '../shared/recall.ts';
import { FaultAlert } from '../shared/ui/fault-alert.tsx';
import { late } from '../shared/ui/late.tsx';
import { useMessages } from '../shared/ui/live-region.tsx';
import { isQuestionMark, useShortcut } from '../shared/ui/use-shortcut.ts';
import type { ShownPicture } from '../shared/viewer/pictures.ts';
import styles from './app.module.css';
import { Header } from './header.tsx';
import { Refusal } from './refusal.tsx';
import type { StudioProps } from './studio.tsx';
import { usePictureDrop } from './use-picture-drop.ts';

const Studio = late(async () => (await import('./studio.tsx')).Studio);
const GalleryPage = late(async () => (await import('../features/gallery/gallery-page.tsx')).GalleryPage);
const BulksPage = late(async () => (await import('../features/bulks/bulks-page.tsx')).BulksPage);
const QueuePage = late(async () => (await import('../features/queue/queue-page.tsx')).QueuePage);
const ReviewPage = late(async () => (await import('../features/review/review-page.tsx')).ReviewPage);
const OperationPage = late(async () => (await import('../features/operation/operation-page.tsx')).OperationPage);
const AdministrationPage = late(
  async () => (await import('../features/administration/administration-page.tsx')).AdministrationPage,
);
const AlertsPage = late(async () => (await import('../features/alerts/alerts-page.tsx')).AlertsPage);
const ShortcutSheet = late(async () => (await import('./shortcut-sheet.tsx')).ShortcutSheet, 'hidden');

/** The whole page: the head with the ways, and under it what the address names. */
export function App(): ReactElement {
  const { t } = useTranslation();
  const { notify } = useMessages();
  const [draft] = useState(createDraftStore);
  const [hasSheet, setHasSheet] = useState(false);
  usePageTitle();
  useShortcut(isQuestionMark, () => setHasSheet(true));
  const reuse = (generation: Generation): void => {
    draft.update(draftOfGeneration(generation));
    notify(t('compose.settingsReused'));
    goTo('generate');
  };
  const refer = ({ asset: { id, width, height } }: ShownPicture): void => {
    draft.update({ ...withImage(id), width, height });
    notify(t('reference.taken'));
    goTo('generate');
  };
  const recall = (part: RecallPart, picture: Recallable): void => {
    draft.update(recalled(part, picture));
    if (part === 'seed') notify(t('compose.seedKept', { seed: picture.seed }));
    else notify(part === 'prompt' ? t('compose.promptTaken') : t('compose.settingsReused'));
    goTo('generate');
  };
  return (
    <>
      <a className={styles.skip} href="#main">
        {t('app.skipToMain')}
      </a>
      <Header onShortcuts={() => setHasSheet(true)} />
      {hasSheet && <ShortcutSheet onClose={() => setHasSheet(false)} />}
      <SignInGate>
        <CurrentPage draft={draft} onReuse={reuse} onRecall={recall} onReference={refer} />
      </SignInGate>
    </>
  );
}

/** The name of the page in the tab and in the history of the browser. */
function usePageTitle(): void {
  const { t } = useTranslation();
  const page = usePage();
  const title = page === 'generate' ? 'Imagemill' : `${t(`navigation.${page}`)} · Imagemill`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}

/** What the address names, for who may see it. */
function CurrentPage(props: Omit<StudioProps, 'recallFile'>): ReactElement {
  const { draft, onRecall, onReference } = props;
  const { t } = useTranslation();
  const { notify } = useMessages();
  const page = usePage();
  const can = useCan();
  const isAllowed = pageRights[page].some(can);
  const recallFile = useRecallFile(draft);
  usePictureDrop(
    (file) => {
      if (!can('generations:write')) return;
      recallFile.read(file);
      goTo('generate');
    },
    ({ name }) => notify(t('recall.notAPicture', { name })),
  );
  if (page === 'generate' && isAllowed) return <Studio {...props} recallFile={recallFile} />;
  return (
    <main id="main" tabIndex={-1} className={styles.main}>
      <ServerTrouble />
      {isAllowed ? (
        <>
          {page === 'gallery' && <GalleryPage onRecall={onRecall} onReference={onReference} />}
          {page === 'bulks' && <BulksPage />}
          {page === 'queue' && <QueuePage />}
          {page === 'review' && <ReviewPage />}
          {page === 'operation' && <OperationPage />}
          {page === 'administration' && <AdministrationPage />}
          {page === 'alerts' && <AlertsPage />}
        </>
      ) : (
        <Refusal page={page} />
      )}
    </main>
  );
}

/** Stands above everything for as long as the server does not answer; the page keeps asking. */
function ServerTrouble(): ReactElement | null {
  const { error, refetch } = useSystem();
  if (error === null) return null;
  return <FaultAlert isAboutServer error={error} onRetry={() => void refetch()} />;
}
