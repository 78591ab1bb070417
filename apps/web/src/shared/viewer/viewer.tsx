import type { MarkPicturesRequest } from '@imagemill/api';
import { type KeyboardEvent, type ReactElement, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { pictureUrl } from '../api/picture-url.ts';
import { useCan } from '../api/session.ts';
import { type RecallPart, recallOf } from '../recall.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { CloseIcon, NextIcon, PreviousIcon, StarIcon } from '../ui/icons.tsx';
import type { ShownPicture } from './pictures.ts';
import { Settings } from './settings.tsx';
import styles from './viewer.module.css';

export interface ViewerProps {
  readonly pictures: readonly ShownPicture[];
  /** Id of the picture that is open. */
  readonly openId: string;
  readonly onOpen: (id: string) => void;
  readonly onClose: () => void;
  readonly onMark: (request: MarkPicturesRequest) => void;
  readonly onRecall: (part: RecallPart, picture: ShownPicture) => void;
  /** The picture is wanted as the one to draw from. */
  readonly onReference: (picture: ShownPicture) => void;
}

/** One picture large, with its settings beside it: arrows lead on, `.` stars, S, P, A and R take settings over. */
export function Viewer(props: ViewerProps): ReactElement | null {
  const { pictures, openId, onOpen, onClose, onMark, onRecall, onReference } = props;
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

  // Pictures of another tenant are shown to admins of the installation; what is noted about them is their owners'.
  const mayMark = can('assets:write') && picture.tenant === undefined;
  const go = (offset: number): void => {
    const next = pictures[index + offset];
    if (next !== undefined) onOpen(next.id);
  };
  const star = (): void => onMark({ ids: [picture.id], starred: picture.starred !== true });
  const recall = (part: RecallPart): void => {
    dialog.current?.close();
    onRecall(part, picture);
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowLeft') go(-1);
    if (event.key === 'ArrowRight') go(1);
    if (event.key === '.' && mayMark) star();
    const part = recallOf(event);
    if (part === undefined || !can('generations:write')) return;
    // The letter is not for the prompt, which has the focus next.
    event.preventDefault();
    recall(part);
  };
  return (
    <dialog
      ref={dialog}
      className={styles.viewer}
      aria-label={t('viewer.title')}
      closedby="any"
      onClose={onClose}
      onKeyDown={press}
    >
      <div className={styles.stage}>
        <Frame picture={picture} />
        <div className={styles.bar}>
          <Step label={t('viewer.previous')} isPossible={index > 0} onClick={() => go(-1)}>
            <PreviousIcon />
          </Step>
          <span aria-live="polite">{t('viewer.position', { number: index + 1, total: pictures.length })}</span>
          <Step label={t('viewer.next')} isPossible={index < pictures.length - 1} onClick={() => go(1)}>
            <NextIcon />
          </Step>
          {mayMark && (
            <IconButton
              label={picture.starred === true ? t('gallery.unstar') : t('gallery.star')}
              isPressed={picture.starred === true}
              onClick={star}
            >
              <StarIcon isFilled={picture.starred === true} />
            </IconButton>
          )}
        </div>
      </div>
      <div className={styles.side}>
        <div className={styles.close}>
          <IconButton label={t('viewer.close')} onClick={() => dialog.current?.close()}>
            <CloseIcon />
          </IconButton>
        </div>
        <Settings
          picture={picture}
          onRecall={recall}
          onReference={() => {
            dialog.current?.close();
            onReference(picture);
          }}
          onRemoveTag={(tag) => onMark({ ids: [picture.id], removeTags: [tag] })}
        />
      </div>
    </dialog>
  );
}

function Frame({ picture: { asset, prompt, tenant } }: { readonly picture: ShownPicture }): ReactElement {
  const { t } = useTranslation();
  return (
    <div className={styles.frame}>
      <img
        key={asset.id}
        className={styles.picture}
        src={pictureUrl(asset, tenant)}
        alt={t('feed.pictureAlt', { prompt })}
        width={asset.width}
        height={asset.height}
        // Twice its size at most: beyond that a small picture turns to mush.
        style={{ maxWidth: asset.width * 2, maxHeight: asset.height * 2 }}
      />
    </div>
  );
}

function Step(props: {
  readonly label: string;
  readonly isPossible: boolean;
  readonly onClick: () => void;
  readonly children: ReactElement;
}): ReactElement {
  return (
    <button
      type="button"
      className={styles.step}
      aria-label={props.label}
      aria-disabled={!props.isPossible}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}
