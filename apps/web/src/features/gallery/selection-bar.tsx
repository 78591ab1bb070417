import type { MarkPicturesRequest, Picture } from '@imagemill/api';
import { Button, TextInput } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { client } from '../../shared/api/client.ts';
import { useCan } from '../../shared/api/session.ts';
import { saveBlob } from '../../shared/save-blob.ts';
import { useMessages } from '../../shared/ui/live-region.tsx';
import styles from './selection-bar.module.css';

interface SelectionBarProps {
  readonly chosen: readonly Picture[];
  readonly onChange: (request: MarkPicturesRequest) => void;
  readonly onCompare: () => void;
  readonly onClear: () => void;
}

/** What can be done with the pictures that were chosen. */
export function SelectionBar({ chosen, onChange, onCompare, onClear }: SelectionBarProps): ReactElement {
  const { t } = useTranslation();
  const { notify } = useMessages();
  const mayChange = useCan()('assets:write');
  const [tag, setTag] = useState('');
  const [isPacking, setIsPacking] = useState(false);
  const ids = chosen.map(({ id }) => id);
  const areStarred = chosen.every(({ starred }) => starred);
  const pack = async (): Promise<void> => {
    setIsPacking(true);
    try {
      saveBlob(await client.archivePictures(ids), 'imagemill.zip');
    } catch {
      notify(t('viewer.downloadFailed'));
    } finally {
      setIsPacking(false);
    }
  };
  return (
    <section className={styles.bar} aria-label={t('gallery.selection')}>
      <strong className={styles.count}>{t('gallery.selected', { count: chosen.length })}</strong>
      <Button size="xs" disabled={isPacking || ids.length > mostPacked} onClick={() => void pack()}>
        {isPacking ? t('gallery.packing') : t('gallery.zip')}
      </Button>
      {mayChange && (
        <>
          <Button size="xs" variant="default" onClick={() => onChange({ ids, starred: !areStarred })}>
            {areStarred ? t('gallery.unstar') : t('gallery.star')}
          </Button>
          <form
            className={styles.tag}
            onSubmit={(event) => {
              event.preventDefault();
              if (tag.trim() !== '') onChange({ ids, addTags: [tag.trim()] });
              setTag('');
            }}
          >
            <TextInput
              size="xs"
              aria-label={t('gallery.newTag')}
              placeholder={t('gallery.newTag')}
              maxLength={60}
              value={tag}
              onChange={({ currentTarget }) => setTag(currentTarget.value)}
            />
            <Button size="xs" variant="default" type="submit">
              {t('gallery.addTag')}
            </Button>
          </form>
        </>
      )}
      {chosen.length === 2 && (
        <Button size="xs" variant="default" onClick={onCompare}>
          {t('gallery.compare')}
        </Button>
      )}
      {mayChange && (
        <Button size="xs" variant="default" color="red" onClick={() => onChange({ ids, deleted: true })}>
          {t('gallery.remove')}
        </Button>
      )}
      <Button size="xs" variant="subtle" onClick={onClear}>
        {t('gallery.clearSelection')}
      </Button>
    </section>
  );
}

/** Pictures of one request. */
const mostPacked = 1_000;
