import { Button } from '@mantine/core';
import { type ReactElement, useId } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './mask-tools.module.css';
import type { MaskHistory } from './strokes.ts';

interface MaskToolsProps {
  readonly history: MaskHistory;
  readonly erases: boolean;
  /** Width of the brush as a share of the longer side, 0.01 to 0.5. */
  readonly share: number;
  readonly onErases: (erases: boolean) => void;
  readonly onShare: (share: number) => void;
  readonly onAct: (kind: 'invert' | 'clear') => void;
  readonly onUndo: () => void;
  readonly onRedo: () => void;
}

/** Brush and eraser, their size, and what is done to the whole mask. */
export function MaskTools(props: MaskToolsProps): ReactElement {
  const { t } = useTranslation();
  const { history, erases, share, onErases, onShare, onAct, onUndo, onRedo } = props;
  const id = useId();
  return (
    <div className={styles.tools} role="toolbar" aria-label={t('mask.tools')}>
      <Button size="xs" variant={erases ? 'default' : 'light'} aria-pressed={!erases} onClick={() => onErases(false)}>
        {t('mask.brush')}
      </Button>
      <Button size="xs" variant={erases ? 'light' : 'default'} aria-pressed={erases} onClick={() => onErases(true)}>
        {t('mask.erase')}
      </Button>
      <label htmlFor={id} className={styles.size}>
        {t('mask.size')}
        <input
          id={id}
          type="range"
          min={0.01}
          max={0.5}
          step={0.01}
          value={share}
          onChange={({ currentTarget }) => onShare(currentTarget.valueAsNumber)}
        />
      </label>
      <Button size="xs" variant="default" disabled={history.done.length === 0} onClick={onUndo}>
        {t('mask.undo')}
      </Button>
      <Button size="xs" variant="default" disabled={history.undone.length === 0} onClick={onRedo}>
        {t('mask.redo')}
      </Button>
      <Button size="xs" variant="default" onClick={() => onAct('invert')}>
        {t('mask.invert')}
      </Button>
      <Button size="xs" variant="default" onClick={() => onAct('clear')}>
        {t('mask.clear')}
      </Button>
    </div>
  );
}
