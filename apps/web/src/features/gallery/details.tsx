import type { MarkPicturesRequest, Picture } from '@imagemill/api';
import { Button } from '@mantine/core';
import { type ReactElement, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { pictureUrl } from '../../shared/api/picture-url.ts';
import { useCan } from '../../shared/api/session.ts';
import { type RecallPart, recallOf } from '../../shared/recall.ts';
import { IconButton } from '../../shared/ui/icon-button.tsx';
import { CloseIcon, NextIcon, PreviousIcon, StarIcon } from '../../shared/ui/icons.tsx';
import styles from './details.module.css';
import { Provenance } from './provenance.tsx';

interface DetailsProps {
  readonly pictures: readonly Picture[];
  readonly openId: string;
  readonly onOpen: (id: string) => void;
  readonly onClose: () => void;
  readonly onChange: (request: MarkPicturesRequest) => void;
  readonly onRecall: (part: RecallPart, picture: Picture) => void;
}

/** One picture large, with all that is known about it; arrows lead on, `.` stars, S, P, A and R take settings over. */
export function Details(props: DetailsProps): ReactElement | null {
  const { pictures, openId, onOpen, onClose, onChange, onRecall } = props;
  const { t } = useTranslation();
  const can = useCan();
  const dialog = useRef<HTMLDialogElement>(null);
  const index = pictures.findIndex(({ id }) => id === openId);
  const picture = pictures[index];
  const isKnown = picture !== undefined;
  useEffect(() => {
    if (isKnown) dialog.current?.showModal();
  }, [isKnown]);
  if (picture === undefined) return null;
  const go = (offset: number): void => {
    const next = pictures[index + offset];
    if (next !== undefined) onOpen(next.id);
  };
  const star = (): void => onChange({ ids: [picture.id], starred: !picture.starred });
  const recall = (part: RecallPart): void => {
    dialog.current?.close();
    onRecall(part, picture);
  };
  return (
    <dialog
      ref={dialog}
      className={styles.details}
      aria-label={t('viewer.title')}
      closedby="any"
      onClose={onClose}
      onKeyDown={(event) => {
        if (event.key === 'ArrowLeft') go(-1);
        if (event.key === 'ArrowRight') go(1);
        if (event.key === '.' && can('assets:write')) star();
        const part = recallOf(event);
        if (part !== undefined && can('generations:write')) recall(part);
      }}
    >
      <div className={styles.stage}>
        <img className={styles.picture} src={pictureUrl(picture.asset)} alt={picture.prompt} />
        <div className={styles.bar}>
          <IconButton label={t('viewer.previous')} onClick={() => go(-1)}>
            <PreviousIcon />
          </IconButton>
          {can('assets:write') && (
            <IconButton
              label={picture.starred ? t('gallery.unstar') : t('gallery.star')}
              isPressed={picture.starred}
              onClick={star}
            >
              <StarIcon isFilled={picture.starred} />
            </IconButton>
          )}
          <IconButton label={t('viewer.next')} onClick={() => go(1)}>
            <NextIcon />
          </IconButton>
        </div>
      </div>
      <div className={styles.side}>
        <div className={styles.close}>
          <IconButton label={t('viewer.close')} onClick={() => dialog.current?.close()}>
            <CloseIcon />
          </IconButton>
        </div>
        <Provenance
          picture={picture}
          onRemoveTag={can('assets:write') ? (tag) => onChange({ ids: [picture.id], removeTags: [tag] }) : undefined}
        />
        {can('generations:write') && (
          <div className={styles.actions}>
            <Button onClick={() => recall('remix')}>{t('viewer.reuse')}</Button>
            <Button variant="default" onClick={() => recall('all')}>
              {t('viewer.sameSeed')}
            </Button>
          </div>
        )}
      </div>
    </dialog>
  );
}
