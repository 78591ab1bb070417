import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import styles from './recall-note.module.css';
import type { RecallFile } from './use-recall-file.ts';

interface RecallNoteProps {
  readonly recall: RecallFile;
  /** The file is wanted as the picture to draw from. */
  readonly onReference: (file: File) => void;
}

/** What a dropped picture gave, and what else can be done with it. */
export function RecallNote({ recall, onReference }: RecallNoteProps): ReactElement | null {
  const { t } = useTranslation();
  const { file, found, error, dismiss } = recall;
  if (error !== null) return <FaultAlert error={error} onDismiss={dismiss} />;
  if (found === undefined || file === undefined) return null;
  return (
    <div className={styles.note} role="status">
      <p>
        {found.change === undefined
          ? t('recall.nothing', { name: file.name })
          : t('recall.taken', { name: file.name, origin: originNames[found.origin] })}
      </p>
      {found.missing.length > 0 && <p>{t('recall.missing', { names: found.missing.join(', ') })}</p>}
      <div className={styles.actions}>
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => {
            onReference(file);
            dismiss();
          }}
        >
          {t('viewer.drawFrom')}
        </Button>
        <Button size="compact-sm" variant="subtle" color="gray" onClick={dismiss}>
          {t('fault.dismiss')}
        </Button>
      </div>
    </div>
  );
}

const originNames = {
  imagemill: 'Imagemill',
  automatic1111: 'AUTOMATIC1111',
  comfyui: 'ComfyUI',
  invokeai: 'InvokeAI',
  swarmui: 'SwarmUI',
  unknown: '?',
} as const;
