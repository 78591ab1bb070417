import type { Generation } from '@imagemill/api';
import { type ReactElement, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { pictureUrl } from '../../shared/api/picture-url.ts';
import { useCan } from '../../shared/api/session.ts';
import { type RecallPart, recallOf } from '../../shared/recall.ts';
import { IconButton } from '../../shared/ui/icon-button.tsx';
import { CloseIcon, NextIcon, PreviousIcon } from '../../shared/ui/icons.tsx';
import type { Picture } from './pictures.ts';
import { Settings } from './settings.tsx';
import styles from './viewer.module.css';

interface ViewerProps {
  readonly pictures: readonly Picture[];
  /** Job of the picture that is open. */
  readonly openId: string;
  readonly onOpen: (jobId: string) => void;
  readonly onClose: () => void;
  readonly onReuse: (generation: Generation, seed?: number) => void;
  readonly onRecall: (part: RecallPart, picture: Picture) => void;
}

/** One picture large, with its settings beside it; arrows lead to the neighbours. */
export function Viewer({ pictures, openId, onOpen, onClose, onReuse, onRecall }: ViewerProps): ReactElement | null {
  const { t } = useTranslation();
  const canDraw = useCan()('generations:write');
  const dialog = useRef<HTMLDialogElement>(null);
  const index = pictures.findIndex(({ job }) => job.id === openId);
  const picture = pictures[index];
  const isKnown = picture !== undefined;
  useEffect(() => {
    if (isKnown) dialog.current?.showModal();
  }, [isKnown]);
  if (picture === undefined) return null;

  const go = (offset: number): void => {
    const next = pictures[index + offset];
    if (next !== undefined) onOpen(next.job.id);
  };
  const { generation, asset } = picture;
  return (
    <dialog
      ref={dialog}
      className={styles.viewer}
      aria-label={t('viewer.title')}
      closedby="any"
      onClose={onClose}
      onKeyDown={(event) => {
        if (event.key === 'ArrowLeft') go(-1);
        if (event.key === 'ArrowRight') go(1);
        const part = recallOf(event);
        if (part === undefined || !canDraw) return;
        dialog.current?.close();
        onRecall(part, picture);
      }}
    >
      <div className={styles.stage}>
        <div className={styles.frame}>
          <img
            key={asset.id}
            className={styles.picture}
            src={pictureUrl(asset)}
            alt={t('feed.pictureAlt', { prompt: generation.prompt })}
            width={asset.width}
            height={asset.height}
            // Twice its size at most: beyond that a small picture turns to mush.
            style={{ maxWidth: asset.width * 2, maxHeight: asset.height * 2 }}
          />
        </div>
        <div className={styles.bar}>
          <Step label={t('viewer.previous')} isPossible={index > 0} onClick={() => go(-1)}>
            <PreviousIcon />
          </Step>
          <span aria-live="polite">{t('viewer.position', { number: index + 1, total: pictures.length })}</span>
          <Step label={t('viewer.next')} isPossible={index < pictures.length - 1} onClick={() => go(1)}>
            <NextIcon />
          </Step>
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
          onReuse={(seed) => {
            dialog.current?.close();
            onReuse(generation, seed);
          }}
        />
      </div>
    </dialog>
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
