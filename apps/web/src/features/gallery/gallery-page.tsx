import type { MarkPicturesRequest } from '@imagemill/api';
import { Button, Loader } from '@mantine/core';
import { type ReactElement, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type PictureFilter, useMarkPictures, usePictures } from '../../shared/api/pictures.ts';
import type { RecallPart } from '../../shared/recall.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import type { ShownPicture } from '../../shared/viewer/pictures.ts';
import { useLinkedPicture } from '../../shared/viewer/use-linked-picture.ts';
import { useOpenPicture } from '../../shared/viewer/use-open-picture.ts';
import { Viewer } from '../../shared/viewer/viewer.tsx';
import { Compare } from './compare.tsx';
import { FilterBar } from './filter-bar.tsx';
import { filterOfAddress } from './filter-fields.ts';
import styles from './gallery-page.module.css';
import { PictureGrid } from './picture-grid.tsx';
import { SelectionBar } from './selection-bar.tsx';
import { useRemoved } from './use-removed.ts';

interface GalleryPageProps {
  readonly onRecall: (part: RecallPart, picture: ShownPicture) => void;
  readonly onReference: (picture: ShownPicture) => void;
}

/** All pictures that were drawn: to find, to look at, to sort and to take along. */
export function GalleryPage({ onRecall, onReference }: GalleryPageProps): ReactElement {
  const { t } = useTranslation();
  const [filter, setFilter] = useState<PictureFilter>(filterOfAddress);
  const list = usePictures(filter);
  const mark = useMarkPictures();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const { openId, open, close } = useOpenPicture();
  const [isComparing, setIsComparing] = useState(false);
  const [removed, setRemoved] = useRemoved();
  const shown = useLinkedPicture(list.pictures, openId, !list.isLoading, close);
  const chosen = list.pictures.filter(({ id }) => selected.has(id));

  const change = (request: MarkPicturesRequest): void =>
    mark.mutate(request, {
      onSuccess: () => {
        if (request.deleted === undefined) return;
        setRemoved(request.deleted ? request.ids : []);
        setSelected(new Set());
      },
    });
  const last = useRef<string>(undefined);
  /** With Shift, all from the one that was toggled before to this one become as this one does. */
  const toggle = (id: string, isRange: boolean): void => {
    const places = [last.current, id].map((one) => list.pictures.findIndex((picture) => picture.id === one));
    const [from, to] = [Math.min(...places), Math.max(...places)];
    const ids = isRange && from >= 0 ? list.pictures.slice(from, to + 1).map((picture) => picture.id) : [id];
    const next = new Set(selected);
    const isChosen = !next.has(id);
    for (const one of ids) isChosen ? next.add(one) : next.delete(one);
    last.current = id;
    setSelected(next);
  };
  const error = mark.error ?? list.error;
  const undo = useRef<HTMLButtonElement>(null);
  // The button that deleted is gone; who works by keys goes on at the one that brings back.
  useEffect(() => {
    if (removed.length > 0 && document.activeElement === document.body) undo.current?.focus();
  }, [removed]);
  return (
    <>
      <h2 className={styles.title}>{t('gallery.title')}</h2>
      <FilterBar onChange={setFilter} />
      {error !== null && <FaultAlert error={error} onDismiss={mark.error === null ? undefined : mark.reset} />}
      {removed.length > 0 && (
        <p className={styles.removed} role="status">
          {t('gallery.removed', { count: removed.length })}
          <Button
            ref={undo}
            size="compact-sm"
            variant="default"
            onClick={() => change({ ids: removed, deleted: false })}
          >
            {t('gallery.undo')}
          </Button>
        </p>
      )}
      {chosen.length > 0 && (
        <SelectionBar
          chosen={chosen}
          onChange={change}
          onCompare={() => setIsComparing(true)}
          onClear={() => setSelected(new Set())}
        />
      )}
      {list.isLoading && <Loader className={styles.loading ?? ''} aria-label={t('app.loading')} />}
      {list.pictures.length === 0 && !list.isLoading && list.error === null && (
        <p className={styles.empty}>
          {t('gallery.empty')}
          {(filter.minScore ?? filter.maxScore) !== undefined && <span>{t('gallery.scoreHelp')}</span>}
        </p>
      )}
      <PictureGrid list={list} selected={selected} onToggle={toggle} onOpen={open} />
      {openId !== undefined && (
        <Viewer
          pictures={shown}
          openId={openId}
          onOpen={open}
          onClose={close}
          onMark={change}
          onRecall={onRecall}
          onReference={onReference}
        />
      )}
      {isComparing && <Compare pictures={chosen} onClose={() => setIsComparing(false)} />}
    </>
  );
}
