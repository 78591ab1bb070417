import type { Model } from '@imagemill/api';
import { SegmentedControl } from '@mantine/core';
import { type ReactElement, useId } from 'react';
import { useTranslation } from 'react-i18next';
import { NumberField } from '../../shared/ui/number-field.tsx';
import { clampWhole, type Draft } from './draft.ts';
import { type Speed, speedOf, speeds, stepsOfSpeed } from './speed.ts';
import styles from './steps-field.module.css';

interface StepsFieldProps {
  readonly draft: Draft;
  readonly model: Model | undefined;
  readonly onChange: (change: Pick<Draft, 'steps'>) => void;
}

/** How thoroughly: three presets, and the exact number of steps beside them. */
export function StepsField({ draft, model, onChange }: StepsFieldProps): ReactElement {
  const { t } = useTranslation();
  const id = useId();
  const maxSteps = model?.maxSteps ?? 100;
  const steps = draft.steps ?? model?.defaultSteps;
  const exact = steps === undefined ? undefined : clampWhole(steps, 1, maxSteps);
  const names: Readonly<Record<Speed, string>> = {
    fast: t('compose.fast'),
    usual: t('compose.usual'),
    fine: t('compose.fine'),
  };
  return (
    <div className={styles.field}>
      <div className={styles.presets}>
        <span id={id} className={styles.label}>
          {t('compose.speed')}
        </span>
        <SegmentedControl
          aria-labelledby={id}
          fullWidth
          value={model === undefined || exact === undefined ? '' : (speedOf(exact, model) ?? '')}
          data={speeds.map((value) => ({ value, label: names[value] }))}
          onChange={(speed) => {
            if (model !== undefined) onChange({ steps: stepsOfSpeed(speed as Speed, model) });
          }}
        />
      </div>
      <NumberField
        label={t('compose.steps')}
        value={exact}
        min={1}
        max={maxSteps}
        onChange={(value) => onChange({ steps: value })}
      />
    </div>
  );
}
