import { Button } from '@mantine/core';
import { type ReactElement, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { pictureUrl } from '../../shared/api/picture-url.ts';
import { formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { FilePicker } from '../../shared/ui/file-picker.tsx';
import { IconButton } from '../../shared/ui/icon-button.tsx';
import { BrushIcon, CloseIcon } from '../../shared/ui/icons.tsx';
import { late } from '../../shared/ui/late.tsx';
import { useFileDrop } from '../../shared/ui/use-file-drop.ts';
import type { Draft, DraftImage } from './draft.ts';
import styles from './reference-field.module.css';
import type { ReferenceUpload } from './use-reference.ts';

const MaskEditor = late(async () => (await import('./mask/mask-editor.tsx')).MaskEditor, 'hidden');

interface ReferenceFieldProps {
  readonly draft: Draft;
  readonly upload: ReferenceUpload;
  readonly onChange: (change: Partial<Draft>) => void;
}

/** The picture to start from, how far to leave it, and which part of it to repaint. */
export function ReferenceField({ draft, upload, onChange }: ReferenceFieldProps): ReactElement {
  const { t } = useTranslation();
  const { isOver, handlers } = useFileDrop(upload.load);
  return (
    <fieldset className={styles.field} data-over={isOver || undefined} {...handlers}>
      <legend className={styles.label}>{t('reference.title')}</legend>
      {draft.image !== undefined && <Reference image={draft.image} draft={draft} onChange={onChange} />}
      <FilePicker
        label={t('reference.choose')}
        words={upload.isBusy ? t('reference.uploading') : t('reference.choose')}
        accept="image/png,image/jpeg,image/webp"
        isBusy={upload.isBusy}
        onPick={upload.load}
      />
      {upload.error !== null && <FaultAlert error={upload.error} onDismiss={upload.dismiss} />}
    </fieldset>
  );
}

interface ReferenceProps {
  readonly image: DraftImage;
  readonly draft: Draft;
  readonly onChange: (change: Partial<Draft>) => void;
}

function Reference({ image, draft, onChange }: ReferenceProps): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const id = useId();
  const [isPainting, setIsPainting] = useState(false);
  const { assetId, strength } = image;
  return (
    <div className={styles.reference}>
      <div className={styles.pictures}>
        <img className={styles.picture} src={pictureUrl({ id: assetId })} alt={t('reference.title')} />
        {draft.maskId !== undefined && (
          <img className={styles.mask} src={pictureUrl({ id: draft.maskId })} alt={t('reference.mask')} />
        )}
      </div>
      <div className={styles.controls}>
        <label htmlFor={id} className={styles.strength}>
          {t('reference.strength')}
          <output htmlFor={id}>{formatNumber(language, strength)}</output>
        </label>
        <input
          id={id}
          type="range"
          min={0.05}
          max={1}
          step={0.05}
          value={strength}
          aria-describedby={`${id}-help`}
          onChange={({ currentTarget }) => onChange({ image: { assetId, strength: currentTarget.valueAsNumber } })}
        />
        <p id={`${id}-help`} className={styles.help}>
          {t('reference.strengthHelp')}
        </p>
        <div className={styles.actions}>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<BrushIcon size={15} />}
            onClick={() => setIsPainting(true)}
          >
            {draft.maskId === undefined ? t('reference.paintMask') : t('reference.changeMask')}
          </Button>
          {draft.maskId !== undefined && (
            <Button size="compact-sm" variant="subtle" onClick={() => onChange({ maskId: undefined })}>
              {t('reference.removeMask')}
            </Button>
          )}
        </div>
      </div>
      <IconButton
        label={t('reference.remove')}
        size={30}
        onClick={() => onChange({ image: undefined, maskId: undefined })}
      >
        <CloseIcon size={15} />
      </IconButton>
      {isPainting && (
        <MaskEditor
          imageId={assetId}
          maskId={draft.maskId}
          onDone={(maskId) => onChange({ maskId })}
          onClose={() => setIsPainting(false)}
        />
      )}
    </div>
  );
}
