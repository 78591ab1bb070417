import { Button } from '@mantine/core';
import { type ReactElement, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useUploadAsset } from '../../../shared/api/assets.ts';
import { FaultAlert } from '../../../shared/ui/fault-alert.tsx';
import { IconButton } from '../../../shared/ui/icon-button.tsx';
import { CloseIcon } from '../../../shared/ui/icons.tsx';
import { MaskCanvas } from './mask-canvas.tsx';
import styles from './mask-editor.module.css';
import { MaskTools } from './mask-tools.tsx';
import { isBlank, maskFile } from './paint.ts';
import { act, emptyHistory, redo, undo } from './strokes.ts';
import { useMaskPictures } from './use-mask-pictures.ts';

interface MaskEditorProps {
  readonly imageId: string;
  /** The mask that is painted on. */
  readonly maskId: string | undefined;
  /** The asset of the new mask; undefined when nothing of it is left. */
  readonly onDone: (maskId: string | undefined) => void;
  readonly onClose: () => void;
}

/** Paints the part of a picture that is drawn anew: by pointer, by finger, or by arrows and space. */
export function MaskEditor({ imageId, maskId, onDone, onClose }: MaskEditorProps): ReactElement {
  const { t } = useTranslation();
  const dialog = useRef<HTMLDialogElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const upload = useUploadAsset();
  const pictures = useMaskPictures(imageId, maskId);
  const [history, setHistory] = useState(emptyHistory);
  const [erases, setErases] = useState(false);
  const [share, setShare] = useState(usualShare);
  useEffect(() => dialog.current?.showModal(), []);
  const brush = Math.max(2, Math.round(share * Math.max(pictures.size?.width ?? 0, pictures.size?.height ?? 0)));

  const finish = (maskOfNow: string | undefined): void => {
    dialog.current?.close();
    onDone(maskOfNow);
  };
  const save = async (): Promise<void> => {
    if (canvas.current === null) return;
    if (isBlank(canvas.current)) return finish(undefined);
    upload.mutate(await maskFile(canvas.current), { onSuccess: ({ id }) => finish(id) });
  };
  return (
    <dialog
      ref={dialog}
      className={styles.editor}
      aria-label={t('mask.title')}
      onClose={onClose}
      onKeyDown={(event) => {
        const key = event.key.toLowerCase();
        if (!(event.ctrlKey || event.metaKey) || (key !== 'z' && key !== 'y')) return;
        event.preventDefault();
        setHistory(key === 'y' || event.shiftKey ? redo : undo);
      }}
    >
      <header className={styles.head}>
        <h2 className={styles.title}>{t('mask.title')}</h2>
        <IconButton label={t('viewer.close')} onClick={() => dialog.current?.close()}>
          <CloseIcon />
        </IconButton>
      </header>
      <MaskTools
        history={history}
        erases={erases}
        share={share}
        onErases={setErases}
        onShare={setShare}
        onAct={(kind) => setHistory((known) => act(known, { kind }))}
        onUndo={() => setHistory(undo)}
        onRedo={() => setHistory(redo)}
      />
      <div className={styles.stage}>
        {pictures.size !== undefined && (
          <MaskCanvas
            ref={canvas}
            imageId={imageId}
            size={pictures.size}
            base={pictures.base}
            history={history}
            brush={{ size: brush, erases }}
            onChange={setHistory}
          />
        )}
        {pictures.hasFailed && <p role="alert">{t('errors.asset_not_found.what')}</p>}
      </div>
      <footer className={styles.foot}>
        {upload.error !== null && <FaultAlert error={upload.error} onDismiss={upload.reset} />}
        <p className={styles.help}>{t('mask.help')}</p>
        <Button variant="default" onClick={() => dialog.current?.close()}>
          {t('mask.cancel')}
        </Button>
        <Button disabled={pictures.size === undefined || upload.isPending} onClick={() => void save()}>
          {upload.isPending ? t('compose.sending') : t('mask.done')}
        </Button>
      </footer>
    </dialog>
  );
}

/** Width of the brush as a share of the longer side. */
const usualShare = 0.12;
