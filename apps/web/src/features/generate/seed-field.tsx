import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../shared/ui/icon-button.tsx';
import { DiceIcon, LockIcon, OpenLockIcon } from '../../shared/ui/icons.tsx';
import { NumberField } from '../../shared/ui/number-field.tsx';
import { rollSeed } from './draft.ts';
import styles from './seed-field.module.css';

interface SeedFieldProps {
  readonly seed: number | undefined;
  /** Seed of the newest picture, the one that "keep" takes up. */
  readonly lastSeed: number | undefined;
  readonly onChange: (change: { readonly seed: number | undefined }) => void;
}

/** A seed of the server's choice each time, or one that is kept: typed, rolled, or the last one. */
export function SeedField({ seed, lastSeed, onChange }: SeedFieldProps): ReactElement {
  const { t } = useTranslation();
  const isKept = seed !== undefined;
  return (
    <NumberField
      label={t('compose.seed')}
      value={seed}
      min={0}
      max={Number.MAX_SAFE_INTEGER}
      placeholder={t('compose.seedRandom')}
      hideSteppers
      onChange={(value) => onChange({ seed: value })}
      buttons={
        <span className={styles.buttons}>
          <IconButton label={t('compose.rollSeed')} size={30} onClick={() => onChange({ seed: rollSeed() })}>
            <DiceIcon />
          </IconButton>
          <IconButton
            label={isKept ? t('compose.freeSeed') : t('compose.keepSeed')}
            size={30}
            isPressed={isKept}
            onClick={() => onChange({ seed: isKept ? undefined : (lastSeed ?? rollSeed()) })}
          >
            {isKept ? <LockIcon /> : <OpenLockIcon />}
          </IconButton>
        </span>
      }
    />
  );
}
